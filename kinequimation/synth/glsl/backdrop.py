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
vec3 tex(vec2 uv, float layer) { return texture(bank, vec3(uv, layer)).rgb; }
"""

GROUND_FRAGMENT = (
    COMMON
    + _BACKDROP_HEAD
    + """
uniform vec4 contact[5];
void main() {
    out_id = vec4(0.0, 255.0, 0.0, 255.0) / 255.0;
    float t = min(-SCENE_EYE.z / min(ray.z, -1e-5), 2000.0 / length(ray));
    vec3 g = SCENE_EYE.xyz + t * ray;
    out_z = t;  // the ray has length 1 along the axis
    vec2 uv = g.xy + SCENE_OFFSET.xy * 10.0;
    float spots = 0.7 * tex(uv * SCENE_SOIL_MIX.y, 1.0).r + 0.3 * tex(uv * SCENE_SOIL_MIX.y * 7.0, 1.0).r;
    vec3 rgb = mix(SCENE_SOIL_A.rgb, SCENE_SOIL_B.rgb,
                   smoothstep(SCENE_SOIL_MIX.z - 0.15, SCENE_SOIL_MIX.z + 0.15, spots));
    float detail = tex(uv * SCENE_SOIL_B.w, SCENE_SOIL_A.w).r - 0.5;
    float coarse = tex(uv * SCENE_SOIL_B.w * 0.23, SCENE_SOIL_A.w).g - 0.5;
    rgb *= max(1.0 + 2.0 * SCENE_SOIL_MIX.x * coarse + 2.0 * SCENE_SOIL_MIX.w * detail, 0.1);
    float ao = 1.0;
    for (int i = 0; i < 5; i++) {
        vec2 e = g.xy - contact[i].xy;
        ao *= 1.0 - contact[i].w * exp(-dot(e, e) * contact[i].z);
    }
    float relief = tex(uv * SCENE_SOIL_B.w + 0.01, SCENE_SOIL_A.w).r - 0.5 - detail;
    float bumps = clamp(1.0 + 1.5 * (SCENE_SOIL_MIX.x + SCENE_SOIL_MIX.w) * relief, 0.3, 1.7);
    float light = max(SCENE_SUN.z, 0.0) * bumps * shadow_at(g);
    out_rgb = displayed(fogged(lit(rgb, vec3(0.0, 0.0, 1.0), light, ao), g));
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
        vec3 picture = mix(tex(uv, SCENE_PICTURE.x), tex(uv.yx * 0.7, SCENE_PICTURE.y), SCENE_PICTURE.w);
        picture = SCENE_PICTURE_RGB.rgb * (1.0 + SCENE_PICTURE_RGB.w * 2.0 * (picture - 0.5));
        out_rgb = vec4(pow(clamp(picture, 0.0, 1.0), vec3(0.4545)), 1.0);
        return;
    }
    vec3 d = normalize(ray);
    float slope = d.z / max(length(d.xy), 1e-3);
    float bearing = atan(d.y, d.x) * 0.3183 + SCENE_OFFSET.z;
    vec3 glow = SCENE_SKY_RGB.rgb + SCENE_SUN_RGB.rgb * 0.45;
    // the wall is a plane: tangents are taken along its normal, so that its edges are straight lines
    float facing = dot(d.xy, SCENE_WALL_NORMAL.xy);
    float rise = d.z / max(facing, 1e-3);
    bool is_wall = SCENE_WALL.w != 0.0 && facing > 1e-3 && rise < SCENE_WALL.w && rise > SCENE_WALL_SHAPE.z;
    if (slope < 0.0 && !is_wall) discard;
    vec3 rgb = mix(SCENE_HORIZON.rgb, SCENE_ZENITH.rgb, smoothstep(0.0, 0.7, slope));
    vec2 sky = d.xy / (0.25 + max(d.z, 0.0)) * SCENE_HORIZON.w + SCENE_OFFSET.xy;
    float cloud = SCENE_SKY_RGB.w * tex(sky, 0.0).r * smoothstep(0.0, 0.25, slope);
    rgb = mix(rgb, vec3(1.2 * max(SCENE_HORIZON.g, 0.4)), cloud);
    vec3 outline = tex(vec2(bearing * 0.8, 0.3), 1.0);
    if (slope < SCENE_HILLS.w * (0.3 + 1.2 * outline.r)) {
        float wooded = 0.7 + 0.6 * tex(vec2(bearing * 3.0, slope * 5.0), 19.0).r;
        rgb = mix(SCENE_HILLS.rgb * wooded * glow, SCENE_HORIZON.rgb, 0.3);
    }
    vec3 crowns = tex(vec2(bearing * 9.0, 0.2), 5.0);
    float grove = clamp((SCENE_TREES_SHAPE.w - outline.g) * 9.0, -0.2, 1.0);
    float tree = SCENE_TREES.w * grove * (1.0 + SCENE_TREES_SHAPE.z * (1.4 * (outline.b - 0.5) + (crowns.g - 0.5)));
    if (slope < tree) {
        vec3 leaf = tex(vec2(bearing, slope * 0.32) * SCENE_TREES_SHAPE.y, SCENE_TREES_SHAPE.x);
        rgb = SCENE_TREES.rgb * (0.12 + 3.0 * leaf * leaf) * glow * (0.45 + 0.55 * slope / max(tree, 1e-3));
    }
    if (is_wall) {
        float across = dot(d.xy, vec2(-SCENE_WALL_NORMAL.y, SCENE_WALL_NORMAL.x)) / facing;
        vec3 surface = tex(vec2(across, rise) * 0.32 * SCENE_WALL_SHAPE.y, SCENE_WALL_SHAPE.x);
        float stained = 0.8 + 0.4 * outline.r;
        rgb = SCENE_WALL.rgb * mix(vec3(1.0), surface * 2.0, SCENE_WALL_SHAPE.w) * stained * glow;
        if (rise > SCENE_WALL.w - SCENE_WALL_NORMAL.z) rgb = vec3(0.75) * glow;
    }
    out_rgb = displayed(rgb);
}
"""
)
