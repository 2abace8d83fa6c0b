"""GLSL of garments: the horse's skin drawn once more, a little further out, wherever cloth or leather lies on it."""

from __future__ import annotations

from kinequimation import skeleton
from kinequimation.synth.garments import GARMENT_FIELDS
from kinequimation.synth.glsl.common import BONES, COMMON, STORED, defines
from kinequimation.synth.scene import TACK_ID

_EARS = [skeleton.JOINT_INDEX[j] for j in skeleton.JOINTS if j.startswith("DEF-ear")]
HIGHLIGHT_EXPONENT = 24.0
"""Of the highlight on cloth and leather."""
_UNIFORMS = f"uniform vec4 garment[{len(GARMENT_FIELDS)}];\n" + defines("garment", GARMENT_FIELDS)

_REGIONS = """
float rounded_box(vec2 p, vec2 half_size, float r) {
    vec2 q = abs(p) - half_size + r;
    return length(max(q, 0.0)) + min(max(q.x, q.y), 0.0) - r;
}
// signed distance to the saddle's flap, template metres: upright rounded boxes, leaning forwards as they go down
float flap_distance(vec3 t) {
    float down = GARMENT_FLAP_SHAPE.z - t.z;
    vec2 p = vec2(t.y - GARMENT_FLAP_SHAPE.x + GARMENT_FLAP_MORE.x * down, t.z - GARMENT_FLAP_SHAPE.z);
    float narrow = GARMENT_FLAP_MORE.y * smoothstep(-0.1, 0.35, down);
    return rounded_box(p, vec2(GARMENT_FLAP_SHAPE.y * (1.0 - narrow), GARMENT_FLAP_SHAPE.w), GARMENT_FLAP_MORE.z);
}
float limb_pick(vec4 v, vec3 t) { return t.y < 0.0 ? (t.x > 0.0 ? v.x : v.y) : (t.x > 0.0 ? v.z : v.w); }
bool on_leg(vec3 t) { return t.z < 0.8 && abs(t.x) > 0.04; }
vec3 head_place(vec3 t) {  // metres along the head from poll to nose, in front of that line, sideways
    vec3 h = t - GARMENT_POLL.xyz;
    return vec3(dot(h, GARMENT_HEAD_AXIS.xyz), dot(h, GARMENT_HEAD_FRONT.xyz), t.x);
}
bool on_head(vec3 t, vec3 h) { return t.y < GARMENT_POLL.w && h.x > -0.10 && h.x < 0.72 && h.y > -0.34; }
"""

EAR = """
// how much of a vertex follows the ears
float ear_share(vec4 joint, vec4 weight) {
    return dot(weight, step(EAR_FIRST - 0.5, joint) * step(joint, vec4(EAR_LAST + 0.5)));
}
""".replace("EAR_FIRST", f"{min(_EARS)}.0").replace("EAR_LAST", f"{max(_EARS)}.0")

GARMENT_VERTEX = (
    """#version 330
uniform mat4 clip_from_world;
uniform vec4 view_row;
"""
    + BONES
    + _UNIFORMS
    + _REGIONS
    + EAR
    + """
in vec3 in_rest; in vec3 in_template; in vec3 in_normal; in vec4 in_joint; in vec4 in_weight; in vec2 in_kind;
out vec3 world; out vec3 normal; out vec3 t; out vec3 tn; out float material; out float ear; out float z_cam;
void main() {
    mat3x4 m = blended(in_joint, in_weight);
    t = in_template;
    tn = in_normal;
    material = in_kind.x;
    ear = ear_share(in_joint, in_weight);
    vec3 rest = in_rest;
    vec3 h = head_place(t);
    float thick = GARMENT_THICK.y;
    if (on_leg(t)) {
        thick = GARMENT_THICK.x;
        float bell = limb_pick(GARMENT_BELLS, t) * (1.0 - smoothstep(0.13, 0.17, t.z));
        thick += bell * GARMENT_BELL.w * (1.0 - smoothstep(0.02, 0.14, t.z));
    } else if (on_head(t, h)) {
        thick = GARMENT_THICK.z;
        if (GARMENT_MASK.w > 0.0)  // a fly mask stands off the eyes
            thick += GARMENT_MASK_SHAPE.w * (1.0 - smoothstep(0.03, 0.08, distance(h.xy, GARMENT_EYE.xy)));
    } else if (GARMENT_FLAP.w > 0.0) {
        thick += GARMENT_THICK.w * (1.0 - smoothstep(-0.03, 0.01, flap_distance(t)));
    }
    if (GARMENT_RUG.w > 0.0 && t.z > 0.55 && !on_head(t, h)) {
        // below the widest part of the barrel the cloth hangs straight down
        float wide = t.y < -0.1 ? mix(GARMENT_HANG.x, GARMENT_HANG.y, clamp((t.y + 0.5) / 0.4, 0.0, 1.0))
                   : t.y < 0.3 ? mix(GARMENT_HANG.y, GARMENT_HANG.z, (t.y + 0.1) / 0.4)
                               : mix(GARMENT_HANG.z, GARMENT_HANG.w, clamp((t.y - 0.3) / 0.35, 0.0, 1.0));
        float low = GARMENT_RUG_MORE.x - t.z;
        float side = smoothstep(-0.05, 0.12, low) * smoothstep(0.15, 0.55, abs(tn.x)) * smoothstep(-0.8, -0.6, t.y);
        side *= 1.0 - smoothstep(0.62, 0.82, t.y);
        rest.x = sign(t.x) * mix(abs(rest.x), max(abs(rest.x), wide), side);
        rest.z -= GARMENT_RUG_MORE.y * max(low, 0.0) * side;
    }
    normal = normalize(vec4(in_normal, 0.0) * m);
    world = vec4(rest, 1.0) * m + normal * thick;
    z_cam = dot(view_row, vec4(world, 1.0));
    gl_Position = clip_from_world * vec4(world, 1.0);
}
"""
)

_LEGS = """
    if (!on_leg(t)) NOTHING;
    float kind = limb_pick(GARMENT_BOOTS, t);
    vec2 range = t.y < 0.0 ? GARMENT_BOOT_SHAPE.xy : GARMENT_BOOT_SHAPE.zw;
    float depth = min(t.z - range.x, range.y - t.z);
    if (kind > 0.5 && depth > 0.0) {
        float angle = atan(tn.y, tn.x);
        if (kind < 1.5) {  // a boot with straps; its shell lies behind and inside
            float spacing = (range.y - range.x) / GARMENT_BOOT_TRIM.w;
            float straps = abs(fract((t.z - range.x) / spacing) - 0.5) * spacing;
            bool is_strap = straps < 0.012 && tn.x * t.x > -0.3;
            wear(is_strap ? GARMENT_BOOT_TRIM.rgb : GARMENT_BOOT.rgb, depth, 0.12, 0.1);
            if (depth < 0.008) rgb = GARMENT_BOOT_TRIM.rgb * 0.8;
        } else {  // wound cloth: a spiral of overlapping turns
            float turn = fract((t.z + angle * 0.006) / GARMENT_BOOT.w);
            wear(GARMENT_BOOT.rgb * (0.78 + 0.28 * turn), depth, 0.02, 0.5);
            if (range.y - t.z < 0.02 && kind > 2.5) rgb = GARMENT_BOOT_TRIM.rgb;
        }
    }
    if (limb_pick(GARMENT_BELLS, t) > 0.5 && t.z > 0.025 && t.z < 0.165)
        wear(GARMENT_BELL.rgb * (t.z > 0.145 ? 0.75 : 1.0), min(t.z - 0.025, 0.165 - t.z), 0.2, 0.1);
"""

_PAD_AND_GIRTH = """
    if (on_leg(t) || is_head || is_hair || t.y < -1.0) NOTHING;
    // girth, breastplate and harness straps go under the saddle and over the pad
    float shear = GARMENT_PAD_MORE.x * (GARMENT_PAD_SHAPE.z - t.z);
    float pad = rounded_box(vec2(t.y - GARMENT_PAD_SHAPE.x + shear, t.z - 1.7), vec2(GARMENT_PAD_SHAPE.y,
                            1.7 - GARMENT_PAD_SHAPE.z), GARMENT_PAD_MORE.y);
    if (GARMENT_PAD.w > 0.0 && pad < 0.0) {
        wear(GARMENT_PAD.rgb, -pad, 0.03, 0.35);
        vec2 q = vec2(t.y, t.z) * GARMENT_PAD_MORE.z;
        rgb *= 0.93 + 0.09 * cos((q.x + q.y) * 3.14159) * cos((q.x - q.y) * 3.14159);
        if (-pad < GARMENT_PAD_SHAPE.w) rgb = GARMENT_PAD_TRIM.rgb;
        else printed = vec3(vec2(-sign(t.x) * (t.y - GARMENT_PAD_SHAPE.x), t.z) * 1.3, GARMENT_PAD_TRIM.w);
    }
    float girth = abs(t.y - GARMENT_GIRTH.x - 0.12 * (t.z - 0.85)) - GARMENT_GIRTH.y;
    if (GARMENT_GIRTH.y > 0.0 && girth < 0.0 && t.z < GARMENT_GIRTH.z)
        wear(GARMENT_GIRTH_RGB.rgb, -girth, GARMENT_GIRTH.w > 0.5 ? 0.02 : shine, 0.2);
"""

_BREASTPLATE = """
    if (GARMENT_BREAST.w > 0.5) {
        float w = GARMENT_BREAST.x;
        float d = 1.0;
        if (GARMENT_BREAST.w < 1.5) {  // hunting: from the saddle to a ring on the breast, and between the legs
            d = strip(t.yz, vec2(-0.36, 1.50), vec2(-0.80, 1.16));
            if (t.z < 1.2) d = min(d, max(abs(t.x), 0.3 * (t.y + 0.5)));
        } else {  // a band round the chest, level; carried by a strap over the neck
            d = strip(t.yz, vec2(GARMENT_BREAST.z, GARMENT_BREAST.y), vec2(-0.95, GARMENT_BREAST.y + 0.02));
            d = min(d, strip(t.yz, vec2(-0.55, 1.75), vec2(-0.66, GARMENT_BREAST.y)) + 0.3 * w);
        }
        if (d < w && t.y < -0.3) wear(GARMENT_BREAST_RGB.rgb, w - d, shine, 0.1);
    }
"""

_BREECHING = """
    if (GARMENT_BREECH.w > 0.5) {  // breeching round the quarters, and the straps that carry it
        float w = GARMENT_BREECH.x;
        float d = strip(t.yz, vec2(0.18, GARMENT_BREECH.y - 0.02), vec2(1.1, GARMENT_BREECH.y));
        d = min(d, strip(t.yz, vec2(0.42, 1.75), vec2(0.52, GARMENT_BREECH.y)) + 0.35 * w);
        d = min(d, t.z > 1.4 && t.y > -0.3 ? abs(t.x) + 0.3 * w : 1.0);
        if (d < w && t.y > -0.35) wear(leather, w - d, shine, 0.1);
    }
"""

_FLAP = """
    float flap = flap_distance(t);
    if (GARMENT_FLAP.w > 0.0 && flap < 0.0) {
        wear(GARMENT_FLAP.rgb, -flap, shine, 0.08);
        vec2 q = vec2(t.y - GARMENT_FLAP_SHAPE.x, t.z - GARMENT_FLAP_SHAPE.z - GARMENT_FLAP_SHAPE.w);
        float skirt = rounded_box(q, vec2(0.7 * GARMENT_FLAP_SHAPE.y, 0.13), 0.06);
        if (abs(skirt) < 0.004) rgb *= 0.55;
        if (-flap > 0.012 && -flap < 0.016) rgb *= 0.7;
    }
"""

_RUG = """
    if (on_leg(t) || is_head) NOTHING;
    float front = t.y - GARMENT_RUG_SHAPE.x, back = GARMENT_RUG_SHAPE.z - t.y;
    float hem = t.z - GARMENT_RUG_SHAPE.y - 0.03 * sin(t.y * 4.0 + GARMENT_OFFSET.x);
    if (GARMENT_RUG_SHAPE.w > 0.5 && t.y < -0.55) {  // neck cover
        front = t.y - GARMENT_POLL.w + 0.02;
        hem = (t.z - 1.28) - 0.95 * (-0.62 - t.y);
    }
    hem -= (1.14 - GARMENT_RUG_SHAPE.y) * smoothstep(0.74, 0.88, t.y);  // open below the tail
    hem = min(hem, tn.x * sign(t.x) + 0.25 + 2.0 * max(t.z - 1.14, 0.0));  // nothing between the thighs
    float depth = min(min(front, back), hem);
    if (depth > 0.0 && (!is_hair || t.y < -0.4)) {
        wear(GARMENT_RUG.rgb, depth, GARMENT_RUG_TRIM.w, 0.5);
        grain = 0.3;
        float pattern = GARMENT_RUG_MORE.z;
        if (pattern > 0.5 && pattern < 1.5) {  // checks
            vec2 g = abs(fract(t.yz * 5.0) - 0.5);
            if (g.x < 0.07 || g.y < 0.07) rgb = mix(rgb, GARMENT_RUG_TRIM.rgb, 0.7);
        } else if (pattern > 1.5 && pattern < 2.5) {  // stripes
            if (fract(t.y * 4.0) < 0.3) rgb = GARMENT_RUG_TRIM.rgb;
        } else if (pattern > 2.5) {  // zebra, as fly rugs have
            float wave = 2.5 * sin(t.z * 11.0) + 3.0 * sin(t.x * 7.0 + t.z * 4.0);
            if (sin(t.y * 45.0 + wave) > 0.2) rgb = GARMENT_RUG_TRIM.rgb;
        }
        float strap = min(strip(t.yz, vec2(-0.35, 0.85), vec2(0.1, 1.25)),
                          strip(t.yz, vec2(-0.05, 0.85), vec2(0.4, 1.25)));
        if (GARMENT_RUG_MORE.w > 0.5 && strap < 0.02 && t.z < 1.25) rgb = GARMENT_RUG_TRIM.rgb;
        if (depth < 0.025) rgb = GARMENT_RUG_TRIM.rgb;
        float folds = sin(t.y * 26.0 + 2.5 * sin(t.z * 5.0 + GARMENT_OFFSET.y)) * smoothstep(1.15, 0.85, t.z);
        rgb *= 1.0 - 0.18 * max(folds, 0.0);
    }
"""

_HEAD = """
    if (!is_head) NOTHING;
    bool is_ear = ear > 0.4;
    if (GARMENT_MASK.w > 0.5) {
        float depth = min(h.x + 0.03, GARMENT_MASK_SHAPE.x - h.x - 0.25 * h.y);
        if (is_ear) depth = GARMENT_MASK.w > 1.5 ? 0.1 : -1.0;
        if (depth > 0.0) {
            wear(GARMENT_MASK.rgb, depth, 0.05, 0.3);
            grain = 0.35;
            if (depth < 0.02 || abs(distance(h.xy, GARMENT_EYE.xy) - 0.065) < 0.006) rgb *= 0.4;
        }
    }
    vec4 b = GARMENT_BRIDLE;
    if (b.w > 0.0 && !is_hair && !is_ear && material < 4.5) {
        float w = b.w, d = 1.0;
        vec2 mouth = GARMENT_MOUTH.xy, q = h.xy;
        vec2 knot = vec2(0.045, -0.045);
        float over_poll = strip(q, vec2(-0.022, 0.05), vec2(-0.012, -0.02));
        d = min(over_poll, strip(q, vec2(-0.012, -0.02), knot));  // crownpiece, behind the ears
        vec2 ring = vec2(b.x, mouth.y + 0.012);
        d = min(d, strip(q, knot, GARMENT_STRAPS.x > 0.5 ? ring : mouth));  // cheekpiece, to halter ring or bit
        float noseband = abs(q.x - b.x - 0.10 * (q.y - mouth.y)) - 0.2 * w;
        if (b.x > 0.0) d = min(d, noseband);
        if (b.y > 0.5) d = min(d, strip(q, knot + vec2(0.035, -0.01), vec2(0.145, 0.08)));  // browband
        if (b.z > 0.5) d = min(d, strip(q, knot, 1.35 * GARMENT_MOUTH.zw - 0.35 * knot) + 0.25 * w);  // throat
        float flash = strip(q, vec2(b.x, 0.02), mouth + vec2(0.035, -0.07)) + 0.3 * w;
        if (GARMENT_STRAPS.y > 0.5) d = min(d, flash);
        if (GARMENT_STRAPS.x > 0.5) d = min(d, strip(q, ring, vec2(ring.x - 0.16, -0.22)) + 0.1 * w);
        if (d < w) {
            bool is_brow = b.y > 0.5 && GARMENT_STRAPS.w > 0.5 && q.y > -0.03 && abs(q.x - 0.10) < 0.06;
            wear(is_brow ? GARMENT_BROW.rgb : GARMENT_HEAD_RGB.rgb, w - d, GARMENT_HEAD_RGB.w, 0.05);
        }
    }
"""

_BEGIN = """
float strip(vec2 p, vec2 a, vec2 b) {
    vec2 along = b - a;
    return distance(p, a + along * clamp(dot(p - a, along) / dot(along, along), 0.0, 1.0));
}
vec3 rgb, printed; float gloss, bump, edge, grain;
bool covered;
void wear(vec3 colour, float depth, float shine, float rough) {
    // depth: how far inside its outline the point lies, metres
    rgb = colour;
    edge = depth;
    gloss = shine;
    bump = rough;
    grain = 0.16;
    printed.z = -1.0;
    covered = true;
}
void main() {
"""

_WORN = """
    bool is_hair = (material > 0.5 && material < 2.5) || material > 5.5;
    covered = false;
    vec3 leather = GARMENT_LEATHER.rgb;
    float shine = GARMENT_LEATHER.w;
    vec3 h = head_place(t);
    bool is_head = on_head(t, h);
"""

_CLOTH = """
    if (!covered) NOTHING;
    vec4 noise = texture(volume, (t + GARMENT_OFFSET.xyz) * 1.9);
    if (printed.z > -0.5) rgb *= mix(1.0, 2.0 * texture(bank, printed).g, 0.8);
    rgb *= mix(0.6, 1.0, smoothstep(0.0, 0.006, edge)) * (1.0 + 1.6 * grain * (noise.a - 0.5));
    vec3 relief = bump * (noise.rgb - 0.5);
"""

_LIGHT = """
    vec3 n = normalize(normal);
    vec3 v = normalize(SCENE_EYE.xyz - world);
    if (dot(n, v) < 0.0) n = -n;
    n = normalize(n + relief);
    float inner = clamp(-tn.x * sign(t.x), 0.0, 1.0) * step(t.z, 1.0);
    float ao = (1.0 - 0.55 * inner) * mix(0.62, 1.0, smoothstep(-0.9, 0.2, tn.z));
    ao *= mix(0.8, 1.0, smoothstep(0.0, 0.3, world.z));
    float light = max(dot(n, SCENE_SUN.xyz), 0.0) * shadow_at(world + n * 0.04) * mix(1.0, ao, 0.4);
    vec3 shaded = lit(rgb, n, light, ao);
    vec3 half_way = normalize(v + SCENE_SUN.xyz);
    shaded += SCENE_SUN_RGB.rgb * gloss * pow(max(dot(n, half_way), 0.0), HIGHLIGHT_EXPONENT) * light;
    shaded += SCENE_SKY_RGB.rgb * ao * gloss * 0.4 * pow(1.0 - max(dot(n, v), 0.0), 3.0);
    out_rgb = displayed(fogged(shaded, world));
    out_id = vec4(TACK_ID, 255.0, material, 255.0) / 255.0;
    out_z = z_cam;
}
""".replace("HIGHLIGHT_EXPONENT", f"{HIGHLIGHT_EXPONENT}")

_DRAWN = (
    COMMON
    + _UNIFORMS
    + _REGIONS
    + f"const float TACK_ID = {TACK_ID}.0;\n"
    + """
in vec3 world; in vec3 normal; in vec3 t; in vec3 tn; in float material; in float ear; in float z_cam;
layout(location = 0) out vec4 out_rgb;
layout(location = 1) out vec4 out_id;
layout(location = 2) out float out_z;
#define NOTHING discard
"""
    + _BEGIN
    + _WORN
)

_BAKED = (
    COMMON
    + _UNIFORMS
    + _REGIONS
    + STORED
    + """
in vec3 at_template; in vec3 at_normal; in float at_material; in float at_ear;
layout(location = 0) out vec4 out_albedo;  // sRGB; coverage
layout(location = 1) out vec4 out_surface;  // strength of the highlight
layout(location = 2) out vec4 out_relief;
// unlike what was never drawn, this is known to have nothing on it
#define NOTHING { out_albedo = out_relief = vec4(0.0); out_surface = vec4(0.0, 0.0, 0.0, 1.0); return; }
"""
    + _BEGIN
    + """
    vec3 t = at_template, tn = at_normal;
    float material = at_material, ear = at_ear;
"""
    + _WORN
)

_STORE = """
    out_albedo = vec4(srgb(rgb), 1.0);
    out_surface = vec4(gloss, 0.0, 0.0, 1.0);
    out_relief = vec4(stored(relief), 1.0);
}
"""

_LAYERS = {
    "legs": _LEGS,
    "saddle": _PAD_AND_GIRTH + _BREASTPLATE + _FLAP,
    "harness": _PAD_AND_GIRTH + _BREASTPLATE + _BREECHING,
    "rug": _RUG,
    "head": _HEAD,
}
"""What each of ``garments.LAYERS`` looks like. A rasteriser on a CPU runs every branch, so each has its own few."""

GARMENT_FRAGMENTS: dict[str, str] = {layer: _DRAWN + look + _CLOTH + _LIGHT for layer, look in _LAYERS.items()}
"""A shader for each of ``garments.LAYERS``."""

GARMENT_BAKE_FRAGMENTS: dict[str, str] = {layer: _BAKED + look + _CLOTH + _STORE for layer, look in _LAYERS.items()}
"""The same without light, for textures; with ``bake.BAKE_VERTEX``. Alpha is 0 where the others discard."""
