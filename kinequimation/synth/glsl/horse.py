"""GLSL of the horse: skin posed by bones, and its coat."""

from __future__ import annotations

from kinequimation.synth.coat import COAT_FIELDS
from kinequimation.synth.glsl.common import BONES, COMMON, defines

HORSE_VERTEX = (
    """#version 330
uniform mat4 clip_from_world;
uniform vec4 view_row;
"""
    + BONES
    + """
in vec3 in_rest; in vec3 in_template; in vec3 in_normal; in vec4 in_joint; in vec4 in_weight; in vec2 in_kind;
out vec3 world; out vec3 normal; out vec3 t; out vec3 tn; out float material; flat out float segment; out float z_cam;
void main() {
    mat3x4 m = blended(in_joint, in_weight);
    world = vec4(in_rest, 1.0) * m;
    normal = vec4(in_normal, 0.0) * m;
    t = in_template;
    tn = in_normal;
    material = in_kind.x;
    segment = in_kind.y;
    z_cam = dot(view_row, vec4(world, 1.0));
    gl_Position = clip_from_world * vec4(world, 1.0);
}
"""
)

HORSE_FRAGMENT = (
    COMMON
    + f"uniform vec4 coat[{len(COAT_FIELDS)}];\nuniform float object_id;\n"
    + defines("coat", COAT_FIELDS)
    + """
in vec3 world; in vec3 normal; in vec3 t; in vec3 tn; in float material; flat in float segment; in float z_cam;
layout(location = 0) out vec4 out_rgb;
layout(location = 1) out vec4 out_id;
layout(location = 2) out float out_z;
const vec3 POLL = vec3(0.0, -1.2836, 1.85);
const vec3 HEAD_AXIS = vec3(0.0, -0.64, -0.768);
const vec3 HEAD_FRONT = vec3(0.0, -0.768, 0.64);
float limb_pick(vec4 v) { return t.y < 0.0 ? (t.x > 0.0 ? v.x : v.y) : (t.x > 0.0 ? v.z : v.w); }
float band(float v, float centre, float wide) { return 1.0 - smoothstep(wide, wide + 0.006, abs(v - centre)); }
float within(float v, float low, float high, float soft) {
    return smoothstep(low - soft, low + soft, v) * (1.0 - smoothstep(high - soft, high + soft, v));
}
void main() {
    vec3 p = t + COAT_OFFSET.xyz;
    vec4 broad = texture(volume, p * 0.35);
    vec4 middle = texture(volume, p * 1.1);
    vec4 fine = texture(volume, p * COAT_ROAN.y * 0.25);
    bool is_hair = material > 0.5 && material < 2.5;
    float leg = (1.0 - smoothstep(0.75, 1.0, t.z)) * step(0.05, abs(t.x));
    // coat
    float mixed = (middle.a - 0.5) * 3.2 * COAT_ROAN.w + (broad.r - 0.35) * 2.0 + (t.z - 1.25) * 0.6;
    mixed = clamp(mixed, 0.0, 1.0);
    vec3 rgb = mix(COAT_BASE.rgb, COAT_SHADE.rgb, mixed * COAT_SHADE.w);
    rgb = mix(rgb, min(rgb * 1.7 + 0.03, 1.0), COAT_BASE.w * smoothstep(0.35, -0.8, tn.z) * (1.0 - leg));
    float dapple = smoothstep(0.35, 0.65, texture(volume, p * COAT_DAPPLE.x).r);
    rgb *= mix(1.0, mix(0.45, 1.35, dapple), COAT_DAPPLE.y * (1.0 - 0.6 * leg));
    float height = t.y < 0.0 ? COAT_POINT_SHAPE.x : COAT_POINT_SHAPE.y;
    float soft = COAT_POINT_SHAPE.z;
    float points = 1.0 - smoothstep(height - soft, height + soft, t.z + 0.2 * (broad.g - 0.5));
    rgb = mix(rgb, COAT_POINT.rgb, points * COAT_POINT.w);
    rgb = mix(rgb, COAT_POINT.rgb, COAT_POINT_SHAPE.w * band(t.x, 0.0, 0.015) * step(1.2, t.z) * step(-0.6, t.y));
    // head
    vec3 h = t - POLL;
    float along = dot(h, HEAD_AXIS) / 0.56, across = dot(h, HEAD_FRONT);
    bool is_head = t.y < -1.22 && t.z < 1.95 && along > -0.05 && !is_hair;
    if (is_head) {
        rgb = mix(rgb, COAT_MUZZLE.rgb, COAT_MUZZLE.w * smoothstep(0.72, 1.0, along + 0.2 * (middle.g - 0.5)));
        float wide = COAT_BLAZE.x * (1.0 + 2.0 * COAT_BLAZE.w * (middle.b - 0.5));
        float on = (1.0 - smoothstep(wide, wide + 0.008, abs(t.x))) * smoothstep(-0.1, 0.25, dot(tn, HEAD_FRONT));
        on *= within(along, COAT_BLAZE.y, COAT_BLAZE.z, 0.03);
        if (COAT_BLAZE.x > 0.0) rgb = mix(rgb, COAT_WHITE.rgb, on);
        rgb *= mix(1.0, 0.55, band(length(vec2(t.y + 1.465, t.z - 1.735)), 0.0, 0.028));
        rgb *= mix(1.0, 0.35, (1.0 - smoothstep(0.012, 0.024, length(vec2(t.y + 1.64, t.z - 1.425)))));
    }
    // white markings
    float sock = limb_pick(COAT_SOCKS) + 0.08 * (middle.r - 0.5);
    rgb = mix(rgb, COAT_WHITE.rgb, leg * (1.0 - smoothstep(sock - 0.012, sock + 0.012, t.z)));
    if (COAT_PATCH.y < 1.0) {
        float patch_noise = texture(volume, p * COAT_PATCH.x).g * 0.75 + 0.25 * middle.g;
        rgb = mix(rgb, COAT_WHITE.rgb, smoothstep(COAT_PATCH.y, COAT_PATCH.y + COAT_PATCH.z, patch_noise));
    }
    rgb = mix(rgb, COAT_WHITE.rgb, COAT_ROAN.x * smoothstep(0.45, 0.55, fine.a) * (1.0 - leg) * (is_head ? 0.3 : 1.0));
    rgb *= 1.0 + COAT_ROAN.z * (fine.r - 0.5) * 2.0 + COAT_ROAN.w * (broad.b - 0.5);
    rgb = mix(rgb, COAT_SHADE.rgb * 0.6, COAT_DAPPLE.w * smoothstep(0.66, 0.72, texture(volume, p * 2.4).b));
    // materials
    float strands = texture(volume, vec3(p.x * 5.0, p.y * (material < 1.5 ? 3.0 : 0.7), p.z * 0.6)).r
                  + texture(volume, vec3(p.x * 2.0, p.y * (material < 1.5 ? 1.2 : 0.3), p.z * 0.3)).g - 1.0;
    if (is_hair) {
        vec4 hair = material < 1.5 ? COAT_MANE : COAT_TAIL;
        if (COAT_PATCH.y < 1.0) hair.rgb = mix(hair.rgb, COAT_WHITE.rgb, COAT_PATCH.w);
        rgb = hair.rgb * (1.0 + 1.6 * hair.a * strands);
    } else if (material > 2.5 && material < 3.5) {
        rgb = COAT_HOOF.rgb * (1.0 + 0.5 * (middle.r - 0.5));
        if (limb_pick(COAT_SOCKS) > 0.0) rgb = mix(rgb, vec3(0.32, 0.25, 0.18), 0.6);
    } else if (material > 4.5) {
        rgb = vec3(0.008, 0.006, 0.005);
    }
    if (COAT_TEXTURE.z > 0.0) {
        vec2 uv = abs(tn.x) > 0.5 ? t.yz : t.xy;
        rgb = mix(rgb, pow(texture(bank, vec3(uv * COAT_TEXTURE.y, COAT_TEXTURE.x)).rgb, vec3(2.2)), COAT_TEXTURE.z);
    }
    rgb *= 1.0 + 0.08 * (fine.b - 0.5);
    float dirty = COAT_DIRT.w * max(1.0 - smoothstep(0.0, COAT_DIRT_SHAPE.x + 0.01, t.z + 0.3 * (middle.b - 0.5)),
                  smoothstep(COAT_DIRT_SHAPE.z, COAT_DIRT_SHAPE.z + 0.1, texture(volume, p * COAT_DIRT_SHAPE.y).b));
    rgb = mix(rgb, COAT_DIRT.rgb, dirty);
    // tack
    float gloss = COAT_GLOSS.x * (1.0 - 0.7 * dirty), bump = COAT_GLOSS.w;
    vec4 range = COAT_BOOT_SHAPE;
    vec2 edge = t.y < 0.0 ? range.xy : range.zw;
    if (limb_pick(COAT_BOOTS) > 0.5 && leg > 0.5 && t.z > edge.x && t.z < edge.y)
        rgb = COAT_BOOT.rgb * (1.0 + COAT_BOOT.w * sin(t.z * 160.0)), gloss = 0.05;
    bool is_trunk = t.z > 0.85 && t.y > -0.75 && t.y < 0.95 && !is_hair;
    if (COAT_RUG.w > 0.5 && is_trunk && t.y < 0.85 && t.z > 0.95 - 0.1 * sin(t.y * 3.0))
        rgb = COAT_RUG.rgb * (0.85 + 0.3 * middle.r), gloss = 0.03, bump = 0.6;
    float from_pad = abs(t.y - COAT_PAD_SHAPE.x - 0.1 * (1.5 - t.z)) - COAT_PAD_SHAPE.y;
    if (COAT_PAD.w > 0.5 && is_trunk && from_pad < 0.0 && t.z > COAT_PAD_SHAPE.z) {
        bool is_border = from_pad > -COAT_PAD_SHAPE.w || t.z < COAT_PAD_SHAPE.z + COAT_PAD_SHAPE.w;
        rgb = COAT_PAD.rgb * (is_border ? 0.6 : 0.95 + 0.1 * fine.r), gloss = 0.03, bump = 0.4;
    } else if (COAT_STRAP.w > 0.5 && is_trunk && band(t.y, -0.3, 0.04) > 0.5) rgb = COAT_STRAP.rgb, gloss = 0.15;
    if (COAT_BRIDLE.w > 0.0 && is_head && material < 4.5) {
        float w = COAT_BRIDLE.w;
        float cheek = band(across, 0.03 - 0.05 * along, w * 0.7) * step(along, 0.75) * step(0.02, along);
        float brow = band(along, 0.12, w * 0.8);
        float s = COAT_BRIDLE.x * band(along, 0.6, w) + COAT_BRIDLE.y * cheek + COAT_BRIDLE.z * brow;
        if (s > 0.5) rgb = COAT_STRAP.rgb, gloss = 0.2;
    }
    // light
    vec3 n = normalize(normal);
    vec3 v = normalize(SCENE_EYE.xyz - world);
    if (dot(n, v) < 0.0) n = -n;
    if (is_hair) bump += 0.6;
    vec3 relief = 0.25 * (broad.rgb - 0.5) + bump * 0.5 * (middle.rgb + fine.rgb - 1.0);
    n = normalize(n + relief + (is_hair ? vec3(0.5 * strands) : vec3(0.0)));
    float inner = clamp(-tn.x * sign(t.x), 0.0, 1.0) * step(t.z, 1.0);
    float ao = (1.0 - 0.55 * inner) * mix(0.62, 1.0, smoothstep(-0.9, 0.2, tn.z));
    ao *= mix(0.8, 1.0, smoothstep(0.0, 0.3, world.z));
    ao *= mix(1.0, 0.65, smoothstep(0.95, 0.8, t.z) * smoothstep(0.6, 0.8, t.z) * step(0.05, abs(t.x)));
    float facing = dot(n, SCENE_SUN.xyz);
    float light = max(facing, 0.0) * shadow_at(world + n * 0.03) * mix(1.0, ao, 0.4);
    rgb = mix(rgb, rgb * rgb * 1.2, 0.5 * COAT_DIRT_SHAPE.w);
    gloss += 0.5 * COAT_DIRT_SHAPE.w;
    vec3 shaded = lit(rgb, n, light, ao);
    vec3 half_way = normalize(v + SCENE_SUN.xyz);
    float spec = gloss * pow(max(dot(n, half_way), 0.0), COAT_GLOSS.y) * (0.5 + 0.02 * COAT_GLOSS.y);
    shaded += SCENE_SUN_RGB.rgb * spec * light * 0.8;
    float rim = pow(1.0 - max(dot(n, v), 0.0), 4.0);
    vec3 mirrored = reflect(-v, n);
    float sheen = COAT_GLOSS.z * (0.4 * gloss * (0.3 + rim) + 0.3 * rim * (0.15 + gloss));
    shaded += SCENE_SKY_RGB.rgb * ao * smoothstep(-0.2, 0.9, mirrored.z) * sheen;
    if (material > 4.5) shaded += vec3(0.35) * pow(max(dot(n, half_way), 0.0), 60.0);
    out_rgb = displayed(fogged(shaded, world));
    out_id = vec4(object_id, segment, material, 255.0) / 255.0;
    out_z = z_cam;
}
"""
)
