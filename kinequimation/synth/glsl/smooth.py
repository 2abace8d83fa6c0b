"""GLSL that softens the stairs along edges of a finished picture, at a tenth of the price of drawing it larger.

Where brightness changes sharply from a pixel to its diagonal neighbours, the picture is averaged along the edge, that
is across the direction of the change; elsewhere it stays as it is (the idea of Lottes, "FXAA", NVIDIA 2009).
"""

from __future__ import annotations

SMOOTH_VERTEX = """#version 330
in vec2 in_ndc;
void main() { gl_Position = vec4(in_ndc, 0.0, 1.0); }
"""

SMOOTH_FRAGMENT = """#version 330
uniform sampler2D picture;
layout(location = 0) out vec4 out_rgb;
float luma(vec3 rgb) { return dot(rgb, vec3(0.3, 0.59, 0.11)); }
vec3 at(ivec2 p) { return texelFetch(picture, clamp(p, ivec2(0), textureSize(picture, 0) - 1), 0).rgb; }
void main() {
    ivec2 p = ivec2(gl_FragCoord.xy);
    vec3 rgb = at(p);
    out_rgb = vec4(rgb, 1.0);
    float m = luma(rgb);
    float nw = luma(at(p + ivec2(-1, -1))), ne = luma(at(p + ivec2(1, -1)));
    float sw = luma(at(p + ivec2(-1, 1))), se = luma(at(p + ivec2(1, 1)));
    float low = min(m, min(min(nw, ne), min(sw, se))), high = max(m, max(max(nw, ne), max(sw, se)));
    if (high - low < max(0.05, 0.125 * high)) return;
    vec2 along = vec2(-(nw + ne - sw - se), nw + sw - ne - se);
    float least = min(abs(along.x), abs(along.y)) + 0.03 * (nw + ne + sw + se) + 0.008;
    along = clamp(along / least, -3.0, 3.0) / vec2(textureSize(picture, 0));
    vec2 uv = gl_FragCoord.xy / vec2(textureSize(picture, 0));
    vec3 close = 0.5 * (texture(picture, uv - along / 6.0).rgb + texture(picture, uv + along / 6.0).rgb);
    vec3 wide = 0.5 * close + 0.25 * (texture(picture, uv - along / 2.0).rgb + texture(picture, uv + along / 2.0).rgb);
    float l = luma(wide);
    out_rgb.rgb = l < low || l > high ? close : wide;
}
"""
