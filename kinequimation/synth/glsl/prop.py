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
uniform sampler2DArray cards;
void main() {
    vec3 n = normalize(normal);
    vec3 v = normalize(SCENE_EYE.xyz - world);
    if (dot(n, v) < 0.0) n = -n;
    vec3 rgb = albedo;
    float ao = mix(0.6, 1.0, smoothstep(0.0, 0.4, world.z));
    // look: texture layer, scale, contrast, object id; −1 plain, −2 grass, −10 and below a card's picture
    if (look.x < -9.0) {
        vec4 card = texture(cards, vec3(local.x * 0.5 + 0.5, 1.0 - local.z, -10.0 - look.x));
        if (card.a < 0.4) discard;
        rgb *= card.rgb * 2.0;
        ao = mix(look.y, 1.0, local.z);
        rgb *= 1.0 + 0.7 * look.z;  // leaves let light through
        n = normalize(mix(vec3(0.0, 0.0, 1.0), normalize(n + 1.2 * vec3(v.y, -v.x, 0.0) * local.x), look.z));
    } else {
        if (look.x > -0.5) {
            vec3 a = abs(n);
            vec2 uv = (a.z > 0.7 ? world.xy : vec2(a.x > a.y ? world.y : world.x, world.z)) * look.y;
            vec3 tex = texture(bank, vec3(uv, look.x)).rgb;
            rgb *= mix(vec3(1.0), tex * tex * 3.2, look.z);
        }
        if (look.x < -1.5) {
            n = normalize(vec3(0.3 * n.xy, 1.0));  // grass is lit as the ground is
            ao = mix(0.75, 1.0, clamp(local.z, 0.0, 1.0));
        } else {
            n = normalize(n + 0.35 * (texture(volume, world * 1.7).rgb - 0.5));
            rgb *= 0.8 + 0.4 * texture(volume, world * 0.9).r;
        }
    }
    float light = max(dot(n, SCENE_SUN.xyz), 0.0) * shadow_at(world + n * 0.02);
    out_rgb = displayed(fogged(lit(rgb, n, light, ao), world));
    out_id = vec4(look.w, 255.0, 0.0, 255.0) / 255.0;
    out_z = z_cam;
}
"""
)

VEIL_FRAGMENT = (
    COMMON
    + """
in vec3 world; in vec3 normal; in vec3 local; flat in vec3 albedo; flat in vec4 look; in float z_cam;
// blended by alpha in all three: what is covered by more than half belongs to the veil
layout(location = 0) out vec4 out_rgb;
layout(location = 1) out vec4 out_id;
layout(location = 2) out vec4 out_z;
uniform sampler2DArray cards;
void main() {
    vec3 rgb = albedo;
    float share = look.y;
    vec3 v = SCENE_EYE.xyz - world;
    float d = length(v);
    v /= d;
    vec3 n = vec3(0.0, 0.0, 1.0);
    if (look.x < -9.0) {
        vec4 card = texture(cards, vec3(local.x * 0.5 + 0.5, 1.0 - local.z, -10.0 - look.x));
        share *= card.a;
        rgb *= card.rgb * 2.0;
        if (share < 0.02) discard;
    }
    float light = max(SCENE_SUN.z, 0.15) * 0.8 * shadow_at(world);
    vec3 shaded = lit(rgb, n, light, 1.0);
    if (look.x > -9.0) {
        // water: waves tilt the surface; what it mirrors and how much follows from the angle (Schlick, F0 = 0.02)
        vec2 uv = (world.xy + SCENE_OFFSET.xy * 10.0) * look.z;
        vec3 a = texture(bank, vec3(uv, look.x)).rgb, b = texture(bank, vec3(uv.yx * 0.43, look.x)).rgb;
        vec2 tilt = (vec2(a.r, b.g) - 0.5) * 0.35;
        n = normalize(vec3(tilt, 1.0));
        float mirror = 0.02 + 0.98 * pow(1.0 - max(dot(n, v), 0.0), 5.0);
        vec3 r = reflect(-v, n);
        vec3 sky = mix(SCENE_HORIZON.rgb, SCENE_ZENITH.rgb, smoothstep(0.0, 0.7, r.z));
        shaded = shaded * (0.7 + 0.6 * (a.r + b.g - 0.5)) * 0.6 + sky * mirror * 0.55;
        shaded += SCENE_SUN_RGB.rgb * 2.0 * pow(max(dot(r, SCENE_SUN.xyz), 0.0), 120.0) * shadow_at(world);
        share = mix(share, 1.0, 0.5 * mirror) * (1.0 - 0.25 * albedo.g * (b.r - 0.5));
    }
    out_rgb = vec4(displayed(fogged(shaded, world)).rgb, share);
    float covers = step(0.5, share);
    out_id = vec4(look.w / 255.0, 1.0, 0.0, covers);
    out_z = vec4(z_cam, 0.0, 0.0, covers);
}
"""
)
