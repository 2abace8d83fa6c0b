#!/bin/sh
# Make three.min.js and THREE-LICENSE again, beside this file: three.js as far as three_entry.js names it, in one
# script. Needs Node and the npm registry, once, at development time.
set -eu
THREE=0.187.0
ESBUILD=0.28.2
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$here/three_entry.js" "$work/"
cd "$work"
npm install --silent --no-save "three@$THREE" "esbuild@$ESBUILD"
npx esbuild three_entry.js --bundle --minify --format=iife --global-name=THREE --target=es2020 --charset=utf8 \
  --legal-comments=inline --outfile="$here/three.min.js"
cp node_modules/three/LICENSE "$here/THREE-LICENSE"
