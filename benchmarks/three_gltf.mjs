// Play the clip of each GLB in three.js (GLTFLoader, AnimationMixer, a skinned mesh, WebGL) in headless Chromium, and
// compare joints and skin with what they should be.
//
//   npm install three                       (anywhere; say where with --three)
//   node benchmarks/three_gltf.mjs [--three node_modules/three] [--chromium chromium] [--out pictures.png]
//     --expected expected.json FILE.glb...
//
// expected.json and the files come from `benchmarks/blender_assets.py gltf`: {clip, poses: [{t_s, joints: {name: [x, y,
// z]}, box: [low, high]}]} in metres and glTF's axes. Prints a line a file; exits 1 unless every file has the clip's
// one animation and every joint and side of the skin's box is within 1 mm. The picture has a row a file and a column a
// pose.

import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const TOLERANCE_M = 1e-3;
const TIMEOUT_MS = 300_000;

const options = { three: "node_modules/three", chromium: "chromium", out: "", expected: "" };
const files = [];
const argv = process.argv.slice(2);
while (argv.length) {
  const word = argv.shift();
  if (word.startsWith("--") && word.slice(2) in options) options[word.slice(2)] = argv.shift();
  else files.push(word);
}
if (!files.length || !options.expected) {
  console.error("usage: node three_gltf.mjs --expected expected.json FILE.glb...");
  process.exit(2);
}
const expected = JSON.parse(readFileSync(options.expected, "utf8"));

const PAGE = `<!doctype html><meta charset="utf-8"><body style="margin:0">
<script type="importmap">{"imports": {"three": "/three/build/three.module.js", "three/": "/three/"}}</script>
<script type="module">
import * as THREE from "three";
import { GLTFLoader } from "three/examples/jsm/loaders/GLTFLoader.js";

const SIZE = 400;

async function play(index, times, renderer, sheet) {
  const gltf = await new GLTFLoader().loadAsync("/glb/" + index);
  const scene = new THREE.Scene();
  scene.background = new THREE.Color(0xb8c4d0);
  scene.add(gltf.scene, new THREE.HemisphereLight(0xffffff, 0x777766, 2.0));
  const sun = new THREE.DirectionalLight(0xffffff, 2.0);
  sun.position.set(3, 5, 4);
  scene.add(sun, new THREE.GridHelper(40, 40));
  const mixer = new THREE.AnimationMixer(gltf.scene);
  const action = mixer.clipAction(gltf.animations[0]);
  action.setLoop(THREE.LoopOnce);
  action.clampWhenFinished = true;
  action.play();
  const camera = new THREE.PerspectiveCamera(35, 1, 0.1, 100);
  const poses = [];
  for (const [column, t] of times.entries()) {
    mixer.setTime(t);
    gltf.scene.updateMatrixWorld(true);
    const joints = {}, box = new THREE.Box3();
    gltf.scene.traverse((node) => {
      // the loader takes dots out of names and keeps the file's own beside them
      if (node.isBone) joints[node.userData.name ?? node.name] = node.getWorldPosition(new THREE.Vector3()).toArray();
      if (node.isSkinnedMesh) {
        node.skeleton.update();
        const used = new Set(node.geometry.index.array);
        const xyz = new THREE.Vector3();
        for (const vertex of used) box.expandByPoint(node.getVertexPosition(vertex, xyz).applyMatrix4(node.matrixWorld));
      }
    });
    poses.push({ joints, box: [box.min.toArray(), box.max.toArray()] });
    const centre = box.getCenter(new THREE.Vector3());
    camera.position.copy(centre).add(new THREE.Vector3(4.6, 1.0, 2.6));
    camera.lookAt(centre);
    renderer.render(scene, camera);
    sheet.drawImage(renderer.domElement, column * SIZE, index * SIZE);
  }
  return { animations: gltf.animations.map((a) => [a.name, a.duration]), poses };
}

try {
  const { files, times } = await (await fetch("/task")).json();
  const renderer = new THREE.WebGLRenderer({ antialias: true, preserveDrawingBuffer: true });
  renderer.setSize(SIZE, SIZE);
  const canvas = document.createElement("canvas");
  canvas.width = SIZE * times.length;
  canvas.height = SIZE * files;
  const results = [];
  for (let i = 0; i < files; i++) results.push(await play(i, times, renderer, canvas.getContext("2d")));
  await fetch("/done", { method: "POST", body: JSON.stringify({ results, picture: canvas.toDataURL("image/png") }) });
} catch (error) {
  await fetch("/done", { method: "POST", body: JSON.stringify({ error: String(error.stack ?? error) }) });
}
</script>`;

const TYPES = { ".js": "text/javascript", ".json": "application/json" };
const root = path.resolve(options.three);

function answer(request, response, finish) {
  const url = decodeURIComponent(request.url.split("?")[0]);
  const send = (type, body) => response.writeHead(200, { "Content-Type": type }).end(body);
  try {
    if (url === "/") return send("text/html", PAGE);
    if (url === "/task")
      return send(TYPES[".json"], JSON.stringify({ files: files.length, times: expected.poses.map((p) => p.t_s) }));
    if (url.startsWith("/glb/")) return send("model/gltf-binary", readFileSync(files[Number(url.slice(5))]));
    if (url === "/done") {
      const parts = [];
      request.on("data", (part) => parts.push(part));
      request.on("end", () => {
        send("text/plain", "");
        finish(JSON.parse(Buffer.concat(parts).toString()));
      });
      return;
    }
    const file = path.resolve(root, "." + url.replace(/^\/three/, ""));
    if (url.startsWith("/three/") && file.startsWith(root + path.sep))
      return send(TYPES[path.extname(file)] ?? "text/plain", readFileSync(file));
  } catch {
    // falls through: not found
  }
  response.writeHead(404).end();
}

function browse(profile) {
  return new Promise((resolve, reject) => {
    const server = createServer((request, response) => answer(request, response, resolve));
    server.listen(0, "127.0.0.1", () => {
      const browser = spawn(
        options.chromium,
        ["--headless=new", "--no-sandbox", "--no-first-run", "--disable-extensions", "--use-angle=swiftshader",
          "--enable-unsafe-swiftshader", `--user-data-dir=${profile}`, `http://127.0.0.1:${server.address().port}/`],
        { stdio: "ignore", detached: true },
      );
      browser.on("error", reject);
      const timer = setTimeout(() => reject(new Error("the page did not finish")), TIMEOUT_MS);
      const stop = () => {
        clearTimeout(timer);
        server.close();
        try { process.kill(-browser.pid); } catch { /* it has ended */ }
      };
      resolve = ((done) => (value) => { stop(); done(value); })(resolve);
      reject = ((fail) => (error) => { stop(); fail(error); })(reject);
    });
  });
}

function largest(result) {
  let joint = 0, box = 0;
  for (const [k, pose] of expected.poses.entries()) {
    for (const [name, xyz] of Object.entries(pose.joints)) {
      const got = result.poses[k].joints[name];
      joint = Math.max(joint, got ? Math.hypot(...xyz.map((v, i) => v - got[i])) : Infinity);
    }
    for (const side of [0, 1])
      for (const axis of [0, 1, 2])
        box = Math.max(box, Math.abs(pose.box[side][axis] - result.poses[k].box[side][axis]));
  }
  return { joint, box };
}

const profile = mkdtempSync(path.join(tmpdir(), "three-gltf-"));
let code = 0;
try {
  const done = await browse(profile);
  if (done.error) throw new Error(done.error);
  if (options.out) writeFileSync(options.out, Buffer.from(done.picture.split(",")[1], "base64"));
  for (const [i, result] of done.results.entries()) {
    const { joint, box } = largest(result);
    const ok = result.animations.length === 1 && joint < TOLERANCE_M && box < TOLERANCE_M;
    const clips = result.animations.map(([name, s]) => `${name} ${s.toFixed(3)} s`).join(", ");
    console.log(`${ok ? "ok  " : "FAIL"} ${files[i]}: ${clips}; joints within ${(1e3 * joint).toFixed(4)} mm,`,
      `skin's box within ${(1e3 * box).toFixed(4)} mm at ${expected.poses.length} moments`);
    if (!ok) code = 1;
  }
} catch (error) {
  console.error(String(error.message ?? error));
  code = 1;
} finally {
  await new Promise((resolve) => setTimeout(resolve, 500)); // the browser lets go of its profile
  rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
}
process.exit(code);
