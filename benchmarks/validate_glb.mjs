// Check GLB files with the Khronos validator; exits 1 if one has an error.
//
//   npm install --prefix /tmp/gltfval gltf-validator
//   NODE_PATH=/tmp/gltfval/node_modules node benchmarks/validate_glb.mjs FILE.glb...
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const { validateBytes } = createRequire(import.meta.url)("gltf-validator");

const files = process.argv.slice(2);
if (files.length === 0) {
  console.error("usage: node benchmarks/validate_glb.mjs FILE.glb...");
  process.exit(2);
}
let failed = false;
for (const file of files) {
  const { issues, info } = await validateBytes(new Uint8Array(readFileSync(file)));
  console.log(
    `${file}: ${issues.numErrors} errors, ${issues.numWarnings} warnings, ${issues.numInfos} infos, ` +
      `${issues.numHints} hints; ${info.totalVertexCount} vertices, ${info.totalTriangleCount} triangles, ` +
      `${info.animationCount} animations`,
  );
  for (const issue of issues.messages.slice(0, 10)) {
    console.log(`  ${["error", "warning", "info", "hint"][issue.severity]} ${issue.code} ${issue.pointer}: ${issue.message}`);
  }
  failed ||= issues.numErrors > 0;
}
process.exit(failed ? 1 : 0);
