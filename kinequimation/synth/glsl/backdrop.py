"""GLSL of the backdrop: ground and sky, drawn by rays."""

from __future__ import annotations

from kinequimation.synth.glsl.common import COMMON

BACKDROP_VERTEX = """#version 330
uniform mat4 ray_from_ndc;
in vec2 in_ndc;
out vec3 ray; out vec2 screen;
void main() {
    screen = in_ndc;
    ray = (ray_from_ndc * vec4(in_ndc, 1.0, 0.0)).xyz;
    gl_Position = vec4(in_ndc, 1.0, 1.0);
}
"""

_BACKDROP_HEAD = """
in vec3 ray; in vec2 screen;
layout(location = 0) out vec4 out_rgb;
layout(location = 1) out vec4 out_id;
layout(location = 2) out float out_z;
uniform sampler2D picture;
vec3 tex(vec2 uv, float layer) { return texture(bank, vec3(uv, layer)).rgb; }
vec3 flat_picture() {
    // mirrored at its edges, so that any part of the screen has something
    vec2 uv = SCENE_FIT.xy + SCENE_FIT.zw * screen;
    return texture(picture, 1.0 - abs(1.0 - mod(uv, 2.0))).rgb;
}
"""

GROUND_FRAGMENT = (
    COMMON
    + _BACKDROP_HEAD
    + """
uniform vec4 contact[5];
void main() {
    out_id = vec4(0.0, 255.0, 0.0, 255.0) / 255.0;
    float t = min((SCENE_REACH.z - SCENE_EYE.z) / min(ray.z, -1e-5), 2000.0 / length(ray));
    vec3 g = SCENE_EYE.xyz + t * ray;
    out_z = t;  // the ray has length 1 along the axis
    float faded = SCENE_FADE.y > 0.0 ? smoothstep(SCENE_FADE.x, SCENE_FADE.y, length(g.xy)) : 0.0;
    vec3 behind = faded > 0.0 && SCENE_SKYLINE.w > 1.5 ? flat_picture() * SCENE_FADE.w : vec3(0.0);
    if (faded > 0.995 && SCENE_SKYLINE.w > 1.5) { out_rgb = vec4(behind, 1.0); return; }
    vec2 uv = g.xy + SCENE_OFFSET.xy * 10.0;
    vec2 far = uv * SCENE_SOIL_MIX.y;
    float spots = 0.6 * tex(far, 1.0).r + 0.4 * tex(mat2(4.1, 3.3, -3.3, 4.1) * far, 1.0).g;
    vec3 a = SCENE_SOIL_A.rgb, b = SCENE_SOIL_B.rgb;
    float layer = SCENE_SOIL_A.w;
    if (SCENE_PATH.w > 0.0) {
        float side = abs(dot(g.xy, SCENE_PATH.xy) - SCENE_PATH.z) - SCENE_PATH.w * (1.3 - 0.6 * spots);
        side += 0.5 * tex(g.xy * 0.7, SCENE_VERGE.w).r - 0.25;
        float beside = smoothstep(-0.2, 0.2, side);
        a = mix(a, SCENE_VERGE.rgb, beside), b = mix(b, SCENE_VERGE.rgb * 0.75, beside);
        if (side > 0.0) layer = SCENE_VERGE.w;
    }
    float soft = mix(0.3, 0.12, SCENE_SOIL_MIX.w);
    vec3 rgb = mix(a, b, smoothstep(SCENE_SOIL_MIX.z - soft, SCENE_SOIL_MIX.z + soft, spots));
    vec2 st = uv * SCENE_SOIL_B.w;
    // sharper than mipmaps would have it, which go by the longer axis: photographs of ground are grainy far out
    vec3 near = texture(bank, vec3(st, layer), -0.8).rgb;
    // a second, turned reading at another scale: without it the eye finds the tile
    vec3 wide = texture(bank, vec3(mat2(0.34, 0.12, -0.12, 0.34) * st, layer), -0.8).rgb;
    float detail = near.r - 0.5, coarse = wide.r - 0.5;
    rgb *= max(1.0 + 2.0 * SCENE_SOIL_MIX.x * coarse + 1.6 * SCENE_SOIL_MIX.w * detail, 0.12);
    rgb *= 1.0 + 0.9 * (wide - wide.g) + 0.7 * (near - near.g);
    float ao = 1.0;
    for (int i = 0; i < 5; i++) {
        vec2 e = g.xy - contact[i].xy;
        ao *= 1.0 - contact[i].w * exp(-dot(e, e) * contact[i].z);
    }
    // the texture is a height: what leans towards the sun is lighter, the more so the lower it stands
    float level = length(SCENE_SUN.xy);
    float lean = near.r - tex(st + 0.012 * SCENE_SUN.xy / max(level, 0.1), layer).r;
    float relief = 1.0 + 3.0 * (0.4 * SCENE_SOIL_MIX.x + SCENE_SOIL_MIX.w) * level * lean / (0.35 + SCENE_SUN.z);
    float light = max(SCENE_SUN.z, 0.0) * clamp(relief, 0.35, 1.8) * shadow_at(g) * mix(1.0, ao, 0.7);
    vec3 shaded = lit(rgb, vec3(0.0, 0.0, 1.0), light, ao);
    if (SCENE_REACH.w > 0.0) {
        // wet: darker where it is low, with the sky in the puddles
        float wet = SCENE_REACH.w * smoothstep(0.62, 0.42, spots + 0.25 * coarse);
        float grazing = pow(1.0 - clamp(-normalize(ray).z, 0.0, 1.0), 3.0);
        shaded = mix(shaded * (1.0 - 0.45 * wet), SCENE_HORIZON.rgb * 0.8 * ao, wet * (0.06 + 0.7 * grazing));
    }
    vec3 shown = displayed(fogged(shaded, g)).rgb;
    if (faded > 0.0) {
        if (SCENE_SKYLINE.w < 1.5) behind = displayed(SCENE_HORIZON.rgb).rgb;
        shown = mix(shown, behind, faded);
    }
    out_rgb = vec4(shown, 1.0);
}
"""
)

SKY_FRAGMENT = (
    COMMON
    + _BACKDROP_HEAD
    + """
void main() {
    out_z = 1e4;
    out_id = vec4(0.0, 255.0, 0.0, 255.0) / 255.0;
    if (SCENE_ZENITH.w > 0.5) {
        vec2 uv = screen * SCENE_PICTURE.z + SCENE_OFFSET.xy;
        vec3 abstract = mix(tex(uv, SCENE_PICTURE.x), tex(uv.yx * 0.7, SCENE_PICTURE.y), SCENE_PICTURE.w);
        abstract = SCENE_PICTURE_RGB.rgb * (1.0 + SCENE_PICTURE_RGB.w * 2.0 * (abstract - 0.5));
        out_rgb = vec4(pow(clamp(abstract, 0.0, 1.0), vec3(0.4545)), 1.0);
        return;
    }
    vec3 d = normalize(ray);
    float slope = d.z / max(length(d.xy), 1e-3);
    if (SCENE_SKYLINE.w > 1.5) {
        if (slope < 0.0) discard;
        out_rgb = vec4(flat_picture() * SCENE_FADE.w, 1.0);
        return;
    }
    float bearing = atan(d.y, d.x) * 0.3183 + SCENE_OFFSET.z;
    vec3 glow = SCENE_SKY_RGB.rgb + SCENE_SUN_RGB.rgb * (SCENE_REACH.y > 0.0 ? 0.01 : 0.45);
    // the wall is a plane: tangents are taken along its normal, so that its edges are straight lines
    float facing = dot(d.xy, SCENE_WALL_NORMAL.xy);
    float rise = d.z / max(facing, 1e-3);
    bool is_wall = SCENE_WALL.w != 0.0 && facing > 1e-3 && rise < SCENE_WALL.w && rise > SCENE_WALL_SHAPE.z;
    if (slope < 0.0 && !is_wall) discard;
    vec3 rgb = mix(SCENE_HORIZON.rgb, SCENE_ZENITH.rgb, smoothstep(0.0, 0.7, slope));
    vec2 sky = d.xy / (0.25 + max(d.z, 0.0)) * SCENE_HORIZON.w + SCENE_OFFSET.xy;
    if (SCENE_SKY_RGB.w > 0.0) {
        vec3 cover = tex(sky, 0.0);
        float cloud = SCENE_SKY_RGB.w * cover.r * smoothstep(0.0, 0.25, slope);
        rgb = mix(rgb, vec3(1.25 - 0.45 * cover.g) * max(SCENE_HORIZON.g, 0.4 * SCENE_SKY_RGB.g), cloud);
    }
    if (SCENE_FADE.z > 0.0) {
        // a roof: beams across, strips of light along
        vec2 at = (SCENE_EYE.xy + d.xy / max(d.z, 1e-3) * (SCENE_FADE.z - SCENE_EYE.z)) / SCENE_ROOF.z;
        float along = dot(at, SCENE_ROOF.xy), across = dot(at, vec2(-SCENE_ROOF.y, SCENE_ROOF.x));
        float far = clamp(1.4 - 0.35 * slope, 0.0, 1.0) * smoothstep(0.02, 0.15, slope);
        float beam = smoothstep(0.06, 0.02, abs(fract(along) - 0.5));
        beam += 0.5 * smoothstep(0.03, 0.01, abs(fract(across * 2.0) - 0.5));
        float strip = step(abs(fract(across * 0.5) - 0.5), SCENE_ROOF_RGB.w) * step(abs(fract(along) - 0.5), 0.42);
        vec3 under = SCENE_ROOF_RGB.rgb * glow * (0.75 + 0.5 * tex(at * 0.7, 0.0).g);
        rgb = mix(under * (1.0 - 0.6 * min(beam, 1.0) * far), vec3(SCENE_ROOF.w) * SCENE_SKY_RGB.rgb, strip * far);
    }
    vec3 outline = tex(vec2(bearing * 0.8, 0.3), 1.0);
    if (slope < SCENE_HILLS.w * (0.3 + 1.2 * outline.r)) {
        float wooded = 0.7 + 0.6 * tex(vec2(bearing * 3.0, slope * 5.0), 19.0).r;
        rgb = mix(SCENE_HILLS.rgb * wooded * glow, SCENE_HORIZON.rgb, 0.3);
    }
    if (SCENE_TREES.w > 0.0) {
        vec3 crowns = tex(vec2(bearing * 9.0, 0.2), 5.0);
        float grove = clamp((SCENE_TREES_SHAPE.w - outline.g) * 9.0, -0.2, 1.0);
        float tree = SCENE_TREES.w * grove * (1.0 + SCENE_TREES_SHAPE.z * (1.4 * (outline.b - 0.5) + (crowns.g - 0.5)));
        if (slope < tree) {
            vec3 leaf = tex(vec2(bearing, slope * 0.32) * SCENE_TREES_SHAPE.y, SCENE_TREES_SHAPE.x);
            rgb = SCENE_TREES.rgb * (0.12 + 3.0 * leaf * leaf) * glow * (0.45 + 0.55 * slope / max(tree, 1e-3));
        }
    }
    if (SCENE_SKYLINE.w > 0.5) {
        vec2 uv = vec2(bearing * 3.1416 * SCENE_SKYLINE.x, 1.0 - slope * SCENE_SKYLINE.y);
        if (uv.y > 0.004) {
            vec4 line = texture(picture, uv);
            rgb = mix(rgb, mix(pow(line.rgb, vec3(2.2)) * glow, SCENE_HORIZON.rgb, SCENE_SKYLINE.z), line.a);
        }
    }
    if (is_wall) {
        float across = dot(d.xy, vec2(-SCENE_WALL_NORMAL.y, SCENE_WALL_NORMAL.x)) / facing;
        vec3 surface = tex(vec2(across, rise) * 0.32 * SCENE_WALL_SHAPE.y, SCENE_WALL_SHAPE.x);
        vec3 stain = tex(vec2(across * 0.4, rise * 0.9), 0.0) - 0.5;
        rgb = SCENE_WALL.rgb;
        float under = smoothstep(SCENE_KICK.w, SCENE_KICK.w - 0.02, rise);
        if (rise < SCENE_KICK.w && SCENE_KICK.g > 0.0) rgb = SCENE_KICK.rgb * (0.55 + 0.45 * under);
        rgb *= mix(vec3(1.0), surface * 2.0, SCENE_WALL_SHAPE.w) * (0.95 + 0.35 * stain.r) * glow;
        // darker towards the ground, where the sky is hidden
        rgb *= 0.65 + 0.35 * smoothstep(0.0, 0.5, (rise - SCENE_WALL_SHAPE.z) / (SCENE_WALL.w - SCENE_WALL_SHAPE.z));
        if (rise > SCENE_WINDOW.x && rise < SCENE_WINDOW.y && SCENE_WINDOW.w > 0.0) {
            float pane = fract(across * SCENE_WINDOW.z), bar = abs(fract(across * SCENE_WINDOW.z * 3.0) - 0.5);
            if (pane < 0.8 && bar < 0.45) rgb = SCENE_SKY_RGB.rgb * SCENE_WINDOW.w * (0.8 + 0.6 * stain.g);
        }
        if (rise > SCENE_WALL.w - SCENE_WALL_NORMAL.z) rgb = vec3(0.75) * glow;
    }
    out_rgb = displayed(rgb);
}
"""
)
