"""GLSL of props: instances of base meshes."""

from __future__ import annotations

from kinequimation.synth.glsl.common import COMMON

PROP_VERTEX = """#version 330
uniform mat4 clip_from_world;
uniform vec4 view_row;
in vec3 in_position; in vec3 in_normal;
in vec4 in_row0; in vec4 in_row1; in vec4 in_row2; in vec4 in_rgb_taper; in vec4 in_look;
out vec3 world; out vec3 normal; out vec3 local; flat out vec3 albedo; flat out vec4 look; out float z_cam;
void main() {
    vec3 p = in_position;
    p.xy *= mix(1.0, in_rgb_taper.w, p.z * 0.5 + 0.5);
    mat3 m = transpose(mat3(in_row0.xyz, in_row1.xyz, in_row2.xyz));
    world = m * p + vec3(in_row0.w, in_row1.w, in_row2.w);
    // cofactors: the inverse transpose up to scale
    normal = mat3(cross(m[1], m[2]), cross(m[2], m[0]), cross(m[0], m[1])) * in_normal;
    local = p;
    albedo = in_rgb_taper.rgb;
    look = in_look;
    z_cam = dot(view_row, vec4(world, 1.0));
    gl_Position = clip_from_world * vec4(world, 1.0);
}
"""

PROP_FRAGMENT = (
    COMMON
    + """
in vec3 world; in vec3 normal; in vec3 local; flat in vec3 albedo; flat in vec4 look; in float z_cam;
layout(location = 0) out vec4 out_rgb;
layout(location = 1) out vec4 out_id;
layout(location = 2) out float out_z;
void main() {
    vec3 n = normalize(normal);
    vec3 v = normalize(SCENE_EYE.xyz - world);
    if (dot(n, v) < 0.0) n = -n;
    vec3 rgb = albedo;
    // look: texture layer (below 0: none), scale, contrast, object id
    if (look.x > -0.5) {
        vec3 a = abs(n);
        vec2 uv = (a.z > 0.7 ? world.xy : vec2(a.x > a.y ? world.y : world.x, world.z)) * look.y;
        vec3 tex = texture(bank, vec3(uv, look.x)).rgb;
        rgb *= mix(vec3(1.0), tex * tex * 3.2, look.z);
    }
    float cloth = texture(volume, world * 0.9).r;
    n = normalize(n + 0.35 * (texture(volume, world * 1.7).rgb - 0.5));
    rgb *= 0.8 + 0.4 * cloth;
    float ao = look.x < -1.5 ? mix(0.75, 1.0, local.z) : mix(0.6, 1.0, smoothstep(0.0, 0.4, world.z));
    if (look.x < -1.5) n = normalize(vec3(0.3 * n.xy, 1.0));  // grass is lit as the ground is
    float light = max(dot(n, SCENE_SUN.xyz), 0.0) * shadow_at(world + n * 0.02);
    out_rgb = displayed(fogged(lit(rgb, n, light, ao), world));
    out_id = vec4(look.w, 255.0, 0.0, 255.0) / 255.0;
    out_z = z_cam;
}
"""
)
