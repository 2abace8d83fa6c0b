"use strict";

/** The footfall diagram over the timeline: a row a limb, a bar while its hoof stands; grey where no horse was seen. */
class Strip {
  static ROW_PX = 11;
  static LEFT_PX = 26; // the style sheet gives the slider below as much
  static RIGHT_PX = 8;

  constructor(canvas, facts, duration) {
    Object.assign(this, { canvas, facts, duration });
    this.rows = Object.entries(facts.limbs).map(([limb, colour]) => [limb, colour, facts.stances[limb]]);
    canvas.hidden = !(duration > 0 && this.rows.some(([, , spans]) => spans.length));
    new ResizeObserver(() => this.draw(this.time ?? 0)).observe(canvas);
  }

  whenTouched(seek) {
    const at = (event) => {
      const { left, width } = this.canvas.getBoundingClientRect();
      const share = (event.clientX - left - Strip.LEFT_PX) / (width - Strip.LEFT_PX - Strip.RIGHT_PX);
      seek(Math.min(Math.max(share, 0), 1) * this.duration);
    };
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      at(event);
    });
    this.canvas.addEventListener("pointermove", (event) => event.buttons && at(event));
  }

  draw(time) {
    this.time = time;
    const { canvas } = this;
    if (canvas.hidden || !canvas.clientWidth) return;
    const ratio = window.devicePixelRatio;
    const [width, height] = [canvas.clientWidth, Strip.ROW_PX * this.rows.length];
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const pen = canvas.getContext("2d");
    const length = width - Strip.LEFT_PX - Strip.RIGHT_PX;
    const x = (t) => Strip.LEFT_PX + (Math.min(Math.max(t, 0), this.duration) / this.duration) * length;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    pen.font = "10px system-ui, sans-serif";
    pen.textBaseline = "middle";
    pen.fillStyle = colour("--line");
    for (let i = 0; i + 1 < this.facts.unseen.length; i += 2) {
      const [begin, end] = this.facts.unseen.slice(i, i + 2).map(x);
      pen.fillRect(begin, 0, Math.max(1, end - begin), height);
    }
    this.rows.forEach(([limb, bar, spans], row) => {
      const y = row * Strip.ROW_PX;
      pen.fillStyle = colour("--quiet");
      pen.fillText(limb, 0, y + Strip.ROW_PX / 2);
      pen.fillStyle = bar;
      for (let i = 0; i + 1 < spans.length; i += 2) {
        const [begin, end] = [x(spans[i]), x(spans[i + 1])];
        pen.fillRect(begin, y + 1.5, Math.max(0.5, end - begin), Strip.ROW_PX - 3);
      }
    });
    pen.fillStyle = colour("--ink");
    pen.fillRect(x(time) - 0.75, 0, 1.5, height);
  }
}
