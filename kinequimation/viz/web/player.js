"use strict";

/** Return the bytes that stand as base64 in the page under a name, piece by piece, and free the text. */
async function readBytes(name) {
  const pieces = [];
  for (const element of document.querySelectorAll(`script[data-of="${name}"]`)) {
    const text = element.textContent;
    element.remove();
    pieces.push(Uint8Array.fromBase64 ? Uint8Array.fromBase64(text) : decode(text));
    await new Promise((resolve) => setTimeout(resolve)); // the page stays awake
  }
  return pieces;
}

function decode(text) {
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

/**
 * The clock that the film and the horse share, in seconds of the clip. Where a film plays, the film leads: the horse is
 * shown at the time of the very frame that is seen.
 */
class Player {
  constructor(facts, duration, show) {
    Object.assign(this, { facts, duration, show });
    this.time = 0;
    this.speed = 1;
    this.playing = false;
    const tick = (now) => {
      if (this.playing) this.tick((now - this.last) / 1000);
      this.last = now;
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  /** Let a film lead from now on. */
  async lead(video) {
    await new Promise((resolve, reject) => {
      video.addEventListener("loadeddata", resolve, { once: true });
      video.addEventListener("error", () => reject(new Error("this browser cannot play the film")), { once: true });
    });
    this.video = video;
    video.addEventListener("pause", () => video.ended || this.pause());
    if (video.requestVideoFrameCallback) {
      const shown = (_, frame) => {
        this.shown = performance.now();
        if (this.playing) this.set(this.clipTime(frame.mediaTime));
        video.requestVideoFrameCallback(shown);
      };
      video.requestVideoFrameCallback(shown);
      this.exact = true;
    }
    this.seek(this.time);
  }

  clipTime(filmTime) {
    return (filmTime - this.facts.start) / this.facts.scale;
  }

  filmTime(time) {
    return this.facts.start + time * this.facts.scale;
  }

  set(time) {
    this.time = Math.min(Math.max(time, 0), this.duration);
    this.show(this.time, this.playing);
  }

  /** Go to the frame nearest to a time. */
  seek(time) {
    this.set(Math.round(time * this.facts.fps) / this.facts.fps);
    // a little later than the frame begins, so that rounding does not show the one before
    if (this.video) this.video.currentTime = this.filmTime(this.time) + (0.2 * this.facts.scale) / this.facts.fps;
  }

  play() {
    if (this.time >= this.duration - 0.5 / this.facts.fps) this.seek(0);
    this.playing = true;
    if (this.video) {
      this.video.playbackRate = Math.min(16, Math.max(0.0625, this.speed));
      this.video.play().catch(() => this.pause());
    }
    this.show(this.time, true);
  }

  pause() {
    if (!this.playing) return;
    this.playing = false;
    if (this.video) {
      this.video.pause();
      this.seek(this.time);
    }
    this.show(this.time, false);
  }

  step(frames) {
    this.pause();
    const frame = Math.round(this.time * this.facts.fps) + frames;
    this.seek(frame / this.facts.fps);
  }

  setSpeed(speed) {
    this.speed = speed;
    if (this.video) this.video.playbackRate = Math.min(16, Math.max(0.0625, speed));
  }

  tick(seconds) {
    if (this.video) {
      const time = this.clipTime(this.video.currentTime);
      // a computer that is too slow to show frames still shows the horse
      const late = 1000 * Math.max(0.25, (2 * this.facts.scale) / (this.facts.fps * this.speed));
      if (!this.exact || !(performance.now() - this.shown < late)) this.set(time);
      if (this.video.ended || time >= this.duration + 0.5 / this.facts.fps) {
        this.seek(0);
        if (this.video.paused) this.video.play().catch(() => this.pause());
      }
    } else {
      const time = this.time + (Math.min(seconds, 0.25) * this.speed) / this.facts.scale;
      this.set(time > this.duration ? 0 : time);
    }
  }
}
