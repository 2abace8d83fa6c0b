"use strict";

/** The page: its buttons, its timeline, and what a reader is told when something does not work. */
(async () => {
  const find = (selector) => document.querySelector(selector);
  const facts = JSON.parse(find("#facts-data").textContent);
  const say = (panel, text) => {
    const note = document.createElement("p");
    note.className = "note";
    note.textContent = text;
    panel.querySelector(".note")?.remove();
    if (text) panel.append(note);
  };

  let stage;
  try {
    stage = new Stage(find("#stage"), facts);
    say(find("#stage"), "reading the horse …");
    const pieces = await readBytes("motion");
    if (!pieces.length) throw new Error(`${facts.motion} is too large for this page; it lies beside it`);
    await stage.load(new Uint8Array(await new Blob(pieces).arrayBuffer()));
    say(find("#stage"), "");
  } catch (error) {
    console.error(error);
    say(find("#stage"), `no 3D view: ${error.message}`);
    stage = null;
  }

  const duration = stage ? stage.duration : 0;
  const seekbar = find("#seek");
  const strip = new Strip(find("#strip"), facts, duration);
  const player = new Player(facts, duration, (time, playing) => {
    stage?.show(time);
    seekbar.value = time;
    strip.draw(time);
    find("#time").textContent = `${time.toFixed(2)} / ${duration.toFixed(2)} s`;
    find("#play").textContent = playing ? "❚❚" : "▶";
    find("#play").setAttribute("aria-label", playing ? "pause" : "play");
  });
  window.report = { stage, player, facts }; // for the console, and for whoever checks the page from outside

  if (stage) {
    const buttons = document.querySelectorAll("[data-look]");
    stage.panel.addEventListener("look", ({ detail }) =>
      buttons.forEach((button) => button.setAttribute("aria-pressed", button.dataset.look === detail)),
    );
    buttons.forEach((button) => {
      button.hidden = button.dataset.look === "filmed" && !facts.camera;
      button.addEventListener("click", () => stage.look(button.dataset.look));
    });
    find("#follow").addEventListener("change", ({ target }) => {
      stage.follow = target.checked;
      if (stage.mode === "free") stage.look("corner");
    });
    find("#skeleton").addEventListener("change", ({ target }) => stage.showSkeleton(target.checked));
    find("#grid").addEventListener("change", ({ target }) => stage.showGrid(target.checked));
    stage.look("corner");
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    stage?.paint();
    strip.draw(player.time);
  });

  if (duration > 0) {
    find("#transport").hidden = false;
    seekbar.max = duration;
    seekbar.step = 0.1 / facts.fps;
    seekbar.addEventListener("input", () => {
      const was = player.playing;
      player.pause();
      player.seek(Number(seekbar.value));
      player.resume ||= was;
    });
    seekbar.addEventListener("change", () => {
      if (player.resume) player.play();
      player.resume = false;
    });
    strip.whenTouched((time) => {
      player.pause();
      player.seek(time);
    });
    find("#play").addEventListener("click", () => (player.playing ? player.pause() : player.play()));
    find("#back").addEventListener("click", () => player.step(-1));
    find("#forth").addEventListener("click", () => player.step(1));
    find("#speed").addEventListener("change", ({ target }) => player.setSpeed(Number(target.value)));
    document.addEventListener("keydown", (event) => {
      if (event.target.matches("input, select, button, a") || event.ctrlKey || event.metaKey || event.altKey) return;
      const does = { " ": () => find("#play").click(), ArrowLeft: () => player.step(-1), ArrowRight: () => player.step(1) };
      if (!(event.key in does)) return;
      event.preventDefault();
      does[event.key]();
    });
    player.set(0);
  }

  const film = find("#film");
  if (film && facts.film) {
    const picture = film.querySelector("video, img");
    const pieces = await readBytes("film");
    const ready = () => {
      const [width, height] = [picture.videoWidth || picture.naturalWidth, picture.videoHeight || picture.naturalHeight];
      if (!width) return;
      film.style.setProperty("--aspect", (width * facts.film.share) / height);
      film.style.setProperty("--share", facts.film.share);
    };
    picture.addEventListener("loadedmetadata", ready);
    picture.addEventListener("load", ready);
    picture.addEventListener("error", () => say(film, `this browser cannot show ${facts.film.name}`));
    const leads = picture.tagName === "VIDEO" && duration > 0 ? player.lead(picture) : Promise.resolve();
    picture.src = URL.createObjectURL(new Blob(pieces, { type: facts.film.type }));
    await leads.catch((error) => say(film, error.message));
  }
  document.documentElement.dataset.ready = "yes";
})();
