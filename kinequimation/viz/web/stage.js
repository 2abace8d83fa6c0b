"use strict";

/**
 * The 3D view: the horse of a GLB on a ground with a line a metre, and a camera that can be turned.
 *
 * Axes are glTF's: metres, Y up; times are the clip's, seconds. Nothing is drawn but when something has changed.
 */
class Stage {
  static FIELD_OF_VIEW_DEG = 30;
  static PATH_STEPS = 2000; // places of the horse that are looked up once, to follow it by
  static FOLLOW_S = 0.5; // half the time over which its way is averaged
  static TRUNK = ["DEF-spine.001", "DEF-spine.006"]; // sacrum and withers
  static LIMBS = ["LF", "RF", "LH", "RH"];
  static HOOVES = ["DEF-f_hoof.L", "DEF-f_hoof.R", "DEF-r_hoof.L", "DEF-r_hoof.R"];

  /**
   * @param {HTMLElement} panel the canvas goes into it and takes its size
   * @param {object} facts colours of bones and limbs, stances, and where it was filmed from
   */
  constructor(panel, facts) {
    this.panel = panel;
    this.facts = facts;
    this.time = 0;
    this.mode = "free"; // or "filmed": the camera stands where the filming camera stood
    this.follow = true;
    this.renderer = new THREE.WebGLRenderer({ antialias: true });
    this.renderer.setPixelRatio(Math.min(window.devicePixelRatio, 2));
    this.renderer.shadowMap.enabled = true;
    this.renderer.shadowMap.type = THREE.PCFShadowMap;
    panel.append(this.renderer.domElement);
    this.camera = new THREE.PerspectiveCamera(Stage.FIELD_OF_VIEW_DEG, 1, 0.1, 300);
    this.controls = new THREE.OrbitControls(this.camera, this.renderer.domElement);
    this.controls.maxPolarAngle = 0.497 * Math.PI; // not from under the ground
    this.controls.minDistance = 0.5;
    this.controls.maxDistance = 120;
    this.controls.addEventListener("start", () => this.leaveFilmed());
    this.controls.addEventListener("change", () => (this.changed = true));
    this.scene = new THREE.Scene();
    this.makeLight();
    this.makeGround();
    this.paint();
    new ResizeObserver(() => this.resize()).observe(panel);
    const frame = () => {
      if (this.changed) this.render();
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  /** Read the horse, and stand before it. */
  async load(bytes) {
    const gltf = await new THREE.GLTFLoader().parseAsync(bytes.buffer, "");
    this.horse = gltf.scene;
    this.bones = new Map();
    this.meshes = [];
    this.horse.traverse((node) => {
      if (node.isBone) this.bones.set(node.userData.name ?? node.name, node); // three.js takes dots out of names
      if (node.isSkinnedMesh) {
        node.frustumCulled = false; // the horse leaves the box that it has at rest
        node.castShadow = true;
        this.meshes.push(node);
      }
    });
    this.scene.add(this.horse);
    this.mixer = new THREE.AnimationMixer(this.horse);
    const clip = gltf.animations[0];
    this.duration = clip.duration;
    this.action = this.mixer.clipAction(clip);
    this.action.play();
    this.size = this.bodySize();
    this.makePath();
    this.makeSkeleton();
    this.makePrints();
    this.show(0);
    this.resize();
    this.look("corner");
  }

  /** Show the horse as it is at a time of the clip; the camera goes along if it follows. */
  show(time) {
    this.time = Math.min(Math.max(time, 0), this.duration);
    this.pose(this.time);
    if (this.skeleton.visible) this.placeSkeleton();
    this.placePrints();
    const centre = this.place(this.time).centre;
    if (this.follow && this.centre && this.mode === "free") {
      const moved = centre.clone().sub(this.centre);
      this.camera.position.add(moved);
      this.controls.target.add(moved);
    }
    this.centre = centre;
    if (this.mode === "filmed") this.standWhereFilmed();
    this.changed = true;
  }

  /** Look at the horse from one side: corner, side, front, top, or filmed. */
  look(view) {
    this.mode = view === "filmed" ? "filmed" : "free";
    if (this.mode === "filmed") {
      this.standWhereFilmed();
    } else {
      const whole = this.follow ? null : this.wholePath();
      const target = whole ? whole.middle : this.place(this.time).centre;
      const radius = whole ? whole.radius : 0.9 * this.size;
      const vertical = THREE_RAD * Stage.FIELD_OF_VIEW_DEG;
      const narrow = 2 * Math.atan(Math.tan(vertical / 2) * Math.min(1, this.camera.aspect));
      const heading = this.place(this.time).heading;
      const side = new THREE.Vector3(heading.z, 0, -heading.x).multiplyScalar(this.facts.side);
      const from = {
        corner: () => heading.clone().multiplyScalar(0.75).add(side).setY(0.35),
        side: () => side.clone().setY(0.04),
        front: () => heading.clone().setY(0.06),
        top: () => side.clone().multiplyScalar(0.001).setY(1),
      }[view]();
      this.camera.fov = Stage.FIELD_OF_VIEW_DEG;
      this.camera.updateProjectionMatrix();
      this.camera.up.set(0, 1, 0);
      this.camera.position.copy(target).addScaledVector(from.normalize(), radius / Math.sin(narrow / 2));
      this.controls.target.copy(target);
      this.controls.update();
    }
    this.changed = true;
    this.panel.dispatchEvent(new CustomEvent("look", { detail: view }));
  }

  /** Show or hide the bones; the coat lets them through. */
  showSkeleton(visible) {
    this.skeleton.visible = visible;
    for (const mesh of this.meshes) {
      mesh.material.transparent = visible;
      mesh.material.opacity = visible ? 0.35 : 1;
      mesh.material.depthWrite = !visible;
      mesh.material.needsUpdate = true;
    }
    if (visible) this.placeSkeleton();
    this.changed = true;
  }

  showGrid(visible) {
    this.floor.material.uniforms.lines.value = visible ? 1 : 0;
    this.changed = true;
  }

  /** Take the colours of the page's style sheet, which knows light and dark. */
  paint() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => new THREE.Color(style.getPropertyValue(name).trim());
    this.scene.background = colour("--sky");
    const { uniforms } = this.floor.material;
    uniforms.sky.value = this.scene.background;
    uniforms.ground.value = colour("--ground");
    uniforms.grid.value = colour("--grid");
    this.changed = true;
  }

  makeLight() {
    this.scene.add(new THREE.HemisphereLight(0xffffff, 0x8a8378, 1.9));
    this.sun = new THREE.DirectionalLight(0xffffff, 2.4);
    this.sun.castShadow = true;
    this.sun.shadow.mapSize.set(2048, 2048);
    this.sun.shadow.radius = 4;
    this.scene.add(this.sun, this.sun.target);
  }

  makeGround() {
    const flat = new THREE.PlaneGeometry(400, 400).rotateX(-Math.PI / 2);
    const uniforms = { sky: {}, ground: {}, grid: {}, lines: { value: 1 }, near: { value: 10 }, far: { value: 60 } };
    this.floor = new THREE.Mesh(flat, new THREE.ShaderMaterial({ uniforms, ...GROUND }));
    this.shadow = new THREE.Mesh(flat, new THREE.ShadowMaterial({ opacity: 0.28 }));
    this.shadow.receiveShadow = true;
    underAll(this.floor, -3);
    underAll(this.shadow, -2);
    this.scene.add(this.floor, this.shadow);
  }

  /** Length of the body at rest, about: half the diagonal of its box. */
  bodySize() {
    const geometry = this.meshes[0].geometry;
    geometry.computeBoundingBox();
    const side = geometry.boundingBox.getSize(new THREE.Vector3());
    const reach = 0.4 * side.length() + 0.1;
    const edge = 1.5 * reach;
    Object.assign(this.sun.shadow.camera, { left: -edge, right: edge, top: edge, bottom: -edge, near: 1, far: 30 });
    this.sun.shadow.camera.updateProjectionMatrix();
    return reach;
  }

  pose(time) {
    this.action.time = time;
    this.mixer.update(0);
    this.horse.updateMatrixWorld(true);
  }

  /** Look up where the horse goes, once: its trunk's middle over the ground and where it faces, both smoothed. */
  makePath() {
    const ends = Stage.TRUNK.map((name) => this.bones.get(name));
    const n = this.duration > 0 ? Math.min(Stage.PATH_STEPS, Math.ceil(20 * this.duration) + 2) : 1;
    const raw = [];
    for (let i = 0; i < n; i++) {
      this.pose(n > 1 ? (this.duration * i) / (n - 1) : 0);
      const [sacrum, withers] = ends.map((bone) => bone.getWorldPosition(new THREE.Vector3()));
      const centre = sacrum.clone().lerp(withers, 0.8); // the neck reaches further out than the tail
      raw.push([centre.x, centre.y, centre.z, withers.x - sacrum.x, withers.z - sacrum.z]);
    }
    const reach = n > 1 ? Math.round((Stage.FOLLOW_S * (n - 1)) / this.duration) : 0;
    this.path = raw.map((_, i) => {
      const half = Math.min(reach, i, n - 1 - i); // as wide on both sides, so that a straight way stays straight
      const rows = raw.slice(i - half, i + half + 1);
      return raw[i].map((_, k) => rows.reduce((sum, row) => sum + row[k], 0) / rows.length);
    });
    this.height = 0.8 * (raw.reduce((sum, row) => sum + row[1], 0) / n);
  }

  place(time) {
    const at = this.duration > 0 ? (time / this.duration) * (this.path.length - 1) : 0;
    const i = Math.min(Math.floor(at), Math.max(this.path.length - 2, 0));
    const a = this.path[i];
    const b = this.path[Math.min(i + 1, this.path.length - 1)];
    const [x, , z, ahead, aside] = a.map((value, k) => value + (at - i) * (b[k] - value));
    const centre = new THREE.Vector3(x, this.height, z);
    return { centre, heading: new THREE.Vector3(ahead, 0, aside).normalize() };
  }

  wholePath() {
    const low = [Infinity, Infinity];
    const high = [-Infinity, -Infinity];
    for (const [x, , z] of this.path)
      [x, z].forEach((value, k) => {
        low[k] = Math.min(low[k], value);
        high[k] = Math.max(high[k], value);
      });
    const middle = new THREE.Vector3((low[0] + high[0]) / 2, this.height, (low[1] + high[1]) / 2);
    return { middle, radius: Math.hypot(high[0] - low[0], high[1] - low[1]) / 2 + this.size };
  }

  /** Make a stick from each joint to the next. */
  makeSkeleton() {
    this.sticks = [];
    for (const [name, bone] of this.bones)
      if (name in this.facts.bones && bone.parent.isBone && bone.parent.parent.isBone) this.sticks.push([bone, name]);
    const shape = new THREE.CylinderGeometry(0.009 * this.size, 0.009 * this.size, 1, 8);
    const material = new THREE.MeshBasicMaterial({ transparent: true, depthTest: false });
    this.skeleton = new THREE.InstancedMesh(shape, material, this.sticks.length);
    this.sticks.forEach(([, name], i) => this.skeleton.setColorAt(i, new THREE.Color(this.facts.bones[name])));
    this.skeleton.frustumCulled = false;
    this.skeleton.renderOrder = 2;
    this.skeleton.visible = false;
    this.scene.add(this.skeleton);
  }

  placeSkeleton() {
    const [from, to, along] = [new THREE.Vector3(), new THREE.Vector3(), new THREE.Vector3()];
    const [turn, stick, upright] = [new THREE.Quaternion(), new THREE.Matrix4(), new THREE.Vector3(0, 1, 0)];
    this.sticks.forEach(([bone], i) => {
      bone.parent.getWorldPosition(from);
      bone.getWorldPosition(to);
      along.subVectors(to, from);
      const length = Math.max(along.length(), 1e-6);
      turn.setFromUnitVectors(upright, along.divideScalar(length));
      this.skeleton.setMatrixAt(i, stick.compose(from.lerp(to, 0.5), turn, new THREE.Vector3(1, length, 1)));
    });
    this.skeleton.instanceMatrix.needsUpdate = true;
  }

  /** Make a ring for each hoof, which lies under it while it stands. */
  makePrints() {
    this.prints = Stage.LIMBS.map((limb) => {
      const ring = new THREE.RingGeometry(0.07 * this.size, 0.1 * this.size, 32).rotateX(-Math.PI / 2);
      const print = new THREE.Mesh(ring, new THREE.MeshBasicMaterial({ color: this.facts.limbs[limb] }));
      underAll(print, -1);
      print.visible = false;
      this.scene.add(print);
      return print;
    });
  }

  placePrints() {
    Stage.HOOVES.forEach((name, limb) => {
      const print = this.prints[limb];
      print.visible = within(this.facts.stances[Stage.LIMBS[limb]], this.time);
      if (!print.visible) return;
      this.bones.get(name).getWorldPosition(print.position);
      print.position.y = 0;
    });
  }

  /** Stand where the filming camera stood: between its places at the two frames beside this time. */
  standWhereFilmed() {
    const { times, poses, fov, aspect } = this.facts.camera;
    const i = Math.max(0, Math.min(before(times, this.time), times.length - 2));
    const next = Math.min(i + 1, times.length - 1);
    const share = next > i ? Math.min(1, Math.max(0, (this.time - times[i]) / (times[next] - times[i]))) : 0;
    const at = (k) => new THREE.Vector3().fromArray(poses, 7 * k);
    const turn = (k) => new THREE.Quaternion().fromArray(poses, 7 * k + 3);
    this.camera.position.copy(at(i).lerp(at(next), share));
    this.camera.quaternion.copy(turn(i).slerp(turn(next), share));
    const tall = Math.max(1, aspect / this.camera.aspect); // the whole frame is to be seen
    this.camera.fov = (2 * Math.atan(Math.tan(fov / 2) * tall)) / THREE_RAD;
    this.camera.updateProjectionMatrix();
  }

  /** Go on from the filming camera's place by hand. */
  leaveFilmed() {
    if (this.mode === "filmed") {
      this.mode = "free";
      const ahead = this.camera.getWorldDirection(new THREE.Vector3());
      const distance = Math.max(1, this.centre.clone().sub(this.camera.position).dot(ahead));
      this.controls.target.copy(this.camera.position).addScaledVector(ahead, distance);
    }
    this.panel.dispatchEvent(new CustomEvent("look", { detail: "free" }));
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.panel;
    if (!width || !height) return;
    this.camera.aspect = width / height;
    this.camera.updateProjectionMatrix();
    this.renderer.setSize(width, height);
    if (this.mode === "filmed") this.standWhereFilmed();
    this.changed = true;
  }

  render() {
    this.changed = false;
    if (!this.centre) return;
    this.floor.position.set(Math.round(this.centre.x), 0, Math.round(this.centre.z));
    this.sun.target.position.set(this.centre.x, 0, this.centre.z);
    this.sun.position.copy(this.sun.target.position).add(new THREE.Vector3(3, 8, 4));
    this.shadow.position.set(this.centre.x, 0, this.centre.z);
    const away = this.camera.position.distanceTo(this.centre);
    const { near, far } = this.floor.material.uniforms;
    near.value = away + 4;
    far.value = 2 * away + 40;
    this.renderer.render(this.scene, this.camera);
  }
}

const THREE_RAD = Math.PI / 180;

/** The ground: a line a metre, as thin as a pixel, which fades where lines stand too close; far off it meets the sky. */
const GROUND = {
  vertexShader: `
    varying vec2 metres;
    varying float away;
    void main() {
      metres = position.xz;
      vec4 seen = modelViewMatrix * vec4(position, 1.0);
      away = -seen.z;
      gl_Position = projectionMatrix * seen;
    }`,
  fragmentShader: `
    uniform vec3 sky, ground, grid;
    uniform float lines, near, far;
    varying vec2 metres;
    varying float away;
    void main() {
      vec2 pixel = fwidth(metres);
      vec2 off = abs(fract(metres - 0.5) - 0.5) / max(pixel, 1e-5);
      vec2 line = (1.0 - min(off / 1.2, 1.0)) * (1.0 - smoothstep(0.15, 0.6, pixel));
      vec3 colour = mix(ground, grid, lines * max(line.x, line.y));
      gl_FragColor = vec4(mix(colour, sky, smoothstep(near, far, away)), 1.0);
      #include <colorspace_fragment>
    }`,
};

/** Draw something flat on the ground before the horse, in a given order: the camera is always above it. */
function underAll(object, order) {
  object.renderOrder = order;
  object.material.transparent = true; // what is transparent is drawn in this order, and so is the horse
  object.material.depthWrite = false;
}

/** Return the last index whose value is not above a time, or −1. */
function before(times, time) {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] <= time) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Return whether a time lies in one of the spans [begin, end, begin, end, ...]. */
function within(spans, time) {
  return before(spans, time + 1e-6) % 2 === 0;
}
