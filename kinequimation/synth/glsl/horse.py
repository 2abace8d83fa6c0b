"""GLSL of the horse: skin posed by bones, and its coat.

It is drawn in two steps. ``surface_fragment`` writes down, for each pixel, which point of the skin is there and how it
is turned; ``COAT_FRAGMENT`` then colours each pixel once. Most of the mesh's triangles are smaller than the block of
4×4 pixels that llvmpipe always works on, so that colouring while drawing them costs three times as much as this.

What a coat's numbers mean is told in ``coat_fields``. Everything is looked up in template coordinates ``t`` (metres),
so patterns stick to the skin; noise is not mirrored, so left and right differ. llvmpipe runs both sides of every
branch: what costs is the number of texture look-ups, seven here, and not how many factors share them.
"""

from __future__ import annotations

import numpy as np

from kinequimation import skeleton
from kinequimation.body.horse import load_template
from kinequimation.synth.coat_fields import COAT_FIELDS
from kinequimation.synth.glsl.common import BONES, COMMON, STORED, defines


def _anatomy() -> str:
    """Return GLSL constants of where things are on the template: landmarks, the head's axes, the tail's."""
    template = load_template()
    xyz = dict(zip(skeleton.LANDMARKS, template.vertices[template.landmark_vertices], strict=True))

    def vec3(name: str, v: np.ndarray) -> str:
        return f"const vec3 {name} = vec3({', '.join(f'{x:.5f}' for x in v)});\n"

    head = xyz["nose"] - xyz["poll"]
    axis = head / np.linalg.norm(head)
    front = np.array([0.0, axis[2], -axis[1]])
    long = axis + 0.6 * front  # from the back corner of the eye to its front corner
    tail = xyz["tail_end"] - xyz["tail_base"]
    named = {
        "POLL": xyz["poll"] * [0, 1, 1],
        "NOSE": xyz["nose"] * [0, 1, 1],
        "EYE": xyz["eye.L"],
        "EYE_LONG": long / np.linalg.norm(long),
        "EYE_HIGH": np.array([0.0, long[2], -long[1]]) / np.linalg.norm(long),
        "HEAD_AXIS": axis,
        "HEAD_FRONT": front,
        "TAIL_AXIS": tail / np.linalg.norm(tail),
        "WITHERS": xyz["withers"] * [0, 1, 1],
        "CARPUS": xyz["carpus.L"],
        "HOCK": xyz["hock.L"],
        "STIFLE": xyz["stifle.L"],
        "ELBOW": xyz["elbow.L"],
    }
    return "".join(vec3(k, v) for k, v in named.items()) + f"const float HEAD_M = {np.linalg.norm(head):.5f};\n"


ANATOMY = _anatomy()

HORSE_VERTEX = (
    """#version 330
uniform mat4 clip_from_world;
uniform vec4 view_row;
uniform float above_m;
"""
    + ANATOMY
    + BONES
    + """
in vec3 in_rest; in vec3 in_template; in vec3 in_normal; in vec4 in_joint; in vec4 in_weight; in vec2 in_kind;
in vec2 in_hair;
out vec3 world; out vec3 normal; out vec3 t; out vec3 tn; out vec3 grain; out vec2 hair;
out float material; flat out float segment; out float z_cam;
void main() {
    mat3x4 m = blended(in_joint, in_weight);
    world = vec4(in_rest, 1.0) * m;
    normal = vec4(in_normal, 0.0) * m;
    t = in_template;
    tn = in_normal;
    material = in_kind.x;
    segment = in_kind.y;
    hair = in_hair;
    // hair lies back and down on the body, down on the legs and the neck, towards the nose on the head
    float trunk = smoothstep(-0.8, -0.3, t.y) * smoothstep(0.8, 1.1, t.z);
    vec3 flow = mix(vec3(0.0, 0.45, -0.9), vec3(0.0, 0.85, -0.5), trunk);
    flow = mix(flow, HEAD_AXIS, 1.0 - smoothstep(POLL.y, POLL.y + 0.12, t.y));
    if (material > 0.5 && material < 1.5) flow = vec3(0.0, 0.2, -1.0);
    if (material > 1.5 && material < 2.5) flow = TAIL_AXIS;
    flow -= tn * dot(flow, tn);
    grain = vec4(flow, 0.0) * m;
    gl_ClipDistance[0] = world.z - above_m;  // used for mirror images only
    z_cam = dot(view_row, vec4(world, 1.0));
    gl_Position = clip_from_world * vec4(world, 1.0);
}
"""
)

_RAMP = """
// smoothstep for edges in either order
float ramp(float a, float b, float x) {
    float u = clamp((x - a) / (b - a), 0.0, 1.0);
    return u * u * (3.0 - 2.0 * u);
}
"""

_FUNCTIONS = """
vec3 world, normal, t, tn, grain;
vec2 hair;
float material;
float limb_pick(vec4 v) { return t.y < 0.0 ? (t.x > 0.0 ? v.x : v.y) : (t.x > 0.0 ? v.z : v.w); }
float within(float v, float low, float high, float soft) {
    return ramp(low - soft, low + soft, v) * (1.0 - ramp(high - soft, high + soft, v));
}
vec3 scattered(vec3 cell) {
    vec3 a = fract(cell * vec3(0.1731, 0.2113, 0.1397));
    a += dot(a, a.zxy + 21.7);
    return fract((a.xyz + a.yzx) * a.zxy * 1.37);
}
// distance to the nearest point of a jittered body-centred lattice, and that point's own random numbers
vec3 nearest_cell(vec3 q) {
    vec3 i = floor(q), j = floor(q + 0.5);
    vec3 u = scattered(i), v = scattered(j + 57.0);
    vec3 a = q - i - 0.5 - 0.35 * (u - 0.5), b = q - j - 0.35 * (v - 0.5);
    float da = dot(a, a), db = dot(b, b);
    return da < db ? vec3(sqrt(da), u.xy) : vec3(sqrt(db), v.xy);
}
"""

_COLOUR = """
    // where on the body: each of these is 0 or 1, softly
    float side = abs(t.x), outer = tn.x * sign(t.x);
    vec3 h = t - POLL;
    float along = dot(h, HEAD_AXIS) / HEAD_M, front = dot(tn, HEAD_FRONT), above = dot(h, HEAD_FRONT);
    float head = ramp(POLL.y + 0.12, POLL.y + 0.01, t.y);
    float leg = (1.0 - ramp(0.75, 1.0, t.z)) * ramp(0.03, 0.06, side) * (is_hair ? 0.0 : 1.0);
    float body = (1.0 - leg) * (1.0 - head);
    float topline = ramp(0.2, 0.05, side) * ramp(1.15, 1.35, t.z) * (1.0 - head);
    float belly = ramp(0.25, -0.75, tn.z) * body * ramp(1.3, 1.0, t.z);
    float croup = ramp(0.05, 0.55, t.y + 0.3 * (broad.g - 0.5)) * ramp(0.75, 1.15, t.z);
    float neck = ramp(-0.65, -0.95, t.y);
    float inside = ramp(0.0, 0.7, -outer) * ramp(0.4, 0.6, t.z) * ramp(1.1, 0.8, t.z);
    float flank = ramp(0.26, 0.08, length(vec2(t.y - STIFLE.y + 0.06, 0.8 * (t.z - STIFLE.z - 0.02))));
    vec3 from_eye = vec3(side, t.yz) - EYE;

    // body colour
    float mixed = clamp((middle.a - 0.5) * 3.2 * COAT_ROAN.w + (broad.r - 0.35) * 2.0 + (t.z - 1.25) * 0.6, 0.0, 1.0);
    float sooty = ramp(1.1, 1.6, t.z + 0.25 * (broad.b - 0.5)) * (1.0 - head);
    vec3 rgb = mix(COAT_BASE.rgb, COAT_SHADE.rgb, clamp(mixed * COAT_BASE.w + sooty * COAT_SHADE.w, 0.0, 1.0));
    float muzzle = ramp(0.70, 0.92, along + 0.15 * (middle.g - 0.5)) * head;
    float pale = COAT_PALE_WHERE.x * belly + COAT_PALE_WHERE.y * muzzle + COAT_PALE_WHERE.z * flank * body
               + COAT_PALE_WHERE.w * ramp(0.075, 0.03, length(from_eye)) + COAT_PALE.w * inside;
    rgb = mix(rgb, COAT_PALE.rgb, clamp(pale, 0.0, 1.0));

    // dapples, and the lattice that spots share
    vec3 lattice = (p + 0.05 * (middle.rgb - 0.5)) * COAT_CELLS.x;
    vec3 cell = nearest_cell(lattice.yzx + 0.5 * lattice.zxy);
    float radius = COAT_CELLS.y * (0.7 + 0.6 * cell.y);
    float centre = ramp(radius + 0.16, radius - 0.10, cell.x + 0.12 * (fine.g - 0.5));
    float dappled = COAT_CELLS.z * body * ramp(0.7, 1.0, t.z)
                  * clamp(0.8 + 0.4 * croup - 0.5 * neck + 1.0 * (broad.b - 0.5), 0.0, 1.0);

    // points, and the marks of a dun
    float height = t.y < 0.0 ? COAT_POINT_SHAPE.x : COAT_POINT_SHAPE.y;
    float lower = t.z + 0.2 * (broad.g - 0.5) - 0.06 * ramp(0.0, 0.06, t.y < 0.0 ? -0.55 - t.y : t.y - 0.78);
    float points = (1.0 - ramp(height - COAT_POINT_SHAPE.z, height + COAT_POINT_SHAPE.z, lower)) * leg;
    float ear_tip = ramp(POLL.z + 0.02, POLL.z + 0.11, t.z) * head;
    float face = COAT_POINT_SHAPE.w * max(ear_tip, 0.7 * ramp(0.35, 0.7, along) * head);
    float stripe = ramp(COAT_PRIMITIVE.w + 0.008, COAT_PRIMITIVE.w - 0.004, side + 0.015 * (middle.b - 0.5))
                 * ramp(1.15, 1.3, t.z) * ramp(-0.62, -0.52, t.y);
    float bars = ramp(0.35, 0.75, sin(t.z * 95.0 + 14.0 * (middle.r - 0.5) + 12.0 * t.y))
               * within(t.z, 0.5, 0.86, 0.05) * leg * ramp(-0.2, 0.5, outer + 0.4 * abs(tn.y));
    float shoulder = exp(-pow((t.y - WITHERS.y - 0.03 + 0.25 * (1.5 - t.z) + 0.06 * (middle.g - 0.5)) * 18.0, 2.0))
                   * ramp(1.25, 1.5, t.z);
    float marks = max(max(COAT_PRIMITIVE.x * stripe, COAT_PRIMITIVE.y * bars), 0.7 * COAT_PRIMITIVE.z * shoulder);
    rgb = mix(rgb, COAT_POINT.rgb, max(max(points * COAT_POINT.w, face), marks));
    float stripes = sin((t.y + 0.35 * sin(t.z * 2.0) + COAT_BRINDLE.z * (broad.r - 0.5) + 0.25 * COAT_BRINDLE.z
                  * (middle.g - 0.5)) * COAT_BRINDLE.x);
    stripes = mix(stripes, sin(t.z * 70.0 + 5.0 * (broad.g - 0.5)), ramp(0.05, -0.05, t.z - COAT_BRINDLE.w));
    rgb = mix(rgb, 0.4 * COAT_SHADE.rgb, COAT_BRINDLE.y * ramp(0.0, 0.5, stripes + 1.2 * (fine.a - 0.5)));

    // white hairs among the coloured ones
    float hoary = COAT_ROAN.x * clamp(body + COAT_ROAN_WHERE.x * head + COAT_ROAN_WHERE.y * leg, 0.0, 1.0)
                * mix(1.0, croup, COAT_ROAN_WHERE.z);
    hoary *= 0.8 + 0.6 * (broad.g - 0.35);
    rgb = mix(rgb, COAT_WHITE.rgb, clamp(hoary * (0.7 + 1.1 * (fine.a - 0.5)), 0.0, 1.0));
    rgb *= mix(vec3(1.0), mix(COAT_DAPPLE.rgb, vec3(COAT_DAPPLE.w), centre), dappled);
    rgb *= 1.0 + COAT_ROAN.z * (fine.r - 0.5) * 2.0 + COAT_ROAN.w * (broad.b - 0.5);

    // dark skin of the muzzle, nostrils, around the eyes, in the ears
    float nostril = ramp(0.028, 0.014, length(vec3(side, t.yz) - NOSE - vec3(0.055, 0.021, -0.019)));
    float mouth = ramp(0.010, 0.004, abs(above + 0.090)) * ramp(0.87, 0.91, along) * head;
    // the opening of the lids, an almond whose corner points forward and down
    vec2 lid = vec2(dot(from_eye, EYE_LONG), dot(from_eye, EYE_HIGH));
    float almond = abs(lid.y) / 0.0165 + pow(lid.x / 0.026, 2.0);
    float eye_open = ramp(1.12, 0.92, almond) * head * step(0.04, side);
    float eye_rim = ramp(2.2, 1.1, almond) * head * step(0.04, side);
    float in_ear = ear_tip * ramp(0.2, 0.7, outer - 0.6 * tn.y);
    rgb = mix(rgb, COAT_SKIN.rgb, max(COAT_SKIN.w * ramp(0.78, 1.0, along + 0.12 * (middle.g - 0.5)) * head,
                                      0.7 * eye_rim));

    // white: the pattern, then markings of face and legs
    float noise = COAT_PATTERN_NOISE.x * (pattern.g - 0.5) + COAT_PATTERN_NOISE.y * (middle.g - 0.5)
                + COAT_PATTERN_NOISE.z * (fine.b - 0.5);
    float score = noise + dot(COAT_PATTERN_WHERE, vec4(topline, belly, max(leg, 1.0 - ramp(0.6, 1.1, t.z)), head))
                + dot(COAT_PATTERN_SIDE.xyz, vec3(croup, neck * (1.0 - head), (1.0 - topline) * body))
                - COAT_PATTERN_NOISE.w;
    float white = ramp(-COAT_PATTERN_SCALE.w, COAT_PATTERN_SCALE.w, score);
    float sock = limb_pick(COAT_SOCKS), edge = COAT_SOCK_SHAPE.y;
    sock += COAT_SOCK_SHAPE.x * (0.14 * (middle.r - 0.5) + 0.08 * (fine.g - 0.5)) * ramp(0.1, 0.25, sock);
    white = max(white, leg * (1.0 - ramp(sock - edge, sock + edge, t.z)));
    float wide = COAT_BLAZE.x * (1.0 + 1.6 * COAT_BLAZE.w * (middle.b - 0.5));
    wide *= (1.0 + 0.8 * ramp(0.75, 1.0, along)) * within(along, COAT_BLAZE.y + 0.03, COAT_BLAZE.z - 0.05, 0.06);
    float bent = abs(t.x + 0.03 * COAT_BLAZE.w * (broad.r - 0.5));
    float facial = (1.0 - ramp(wide - 0.006, wide, bent)) * step(0.0, COAT_BLAZE.x);
    vec2 star = vec2(bent, (along - COAT_STAR.x) * HEAD_M) / max(COAT_STAR.zy, 0.001);
    float star_edge = length(star) + 1.2 * (middle.g - 0.5) + 1.6 * (fine.b - 0.5);
    facial = max(facial, ramp(1.15, 0.85, star_edge) * step(0.0, COAT_STAR.z));
    facial = max(facial, ramp(COAT_STAR.w + 0.006, COAT_STAR.w - 0.004, bent) * within(along, 0.86, 1.01, 0.02));
    float frontal = 4.0 * max(COAT_BLAZE.x, 0.0);
    facial *= ramp(-0.06, -0.03, above + 0.08 * (middle.r - 0.5));
    white = max(white, facial * head * ramp(-0.25 - frontal, 0.1 - frontal, front));
    white *= 1.0 - COAT_CELLS.w * ramp(radius + 0.04, radius - 0.04, cell.x + 0.12 * (fine.g - 0.5));
    vec3 white_rgb = mix(COAT_WHITE.rgb, COAT_PINK.rgb, COAT_PINK.w * ramp(0.80, 0.98, along) * head);
    white_rgb = mix(white_rgb, COAT_PINK.rgb, 0.45 * COAT_WHITE.w * max(eye_rim, max(inside, belly)));
    rgb = mix(rgb, white_rgb, white);
    vec3 speck = nearest_cell((p.zxy + 0.6 * p.yzx) * COAT_FLECK_SHAPE.x + 0.6 * fine.rgb + 4.0 * middle.rgb);
    float on_pixel = px * COAT_FLECK_SHAPE.x;
    float dot_radius = COAT_FLECK_SHAPE.y * (0.5 + speck.z);
    float fleck = ramp(dot_radius + 0.05 + on_pixel, dot_radius - 0.05 - on_pixel, speck.x)
                * step(speck.y, COAT_FLECK_SHAPE.z * (0.5 + broad.b));
    rgb = mix(rgb, COAT_FLECK.rgb, COAT_FLECK.w * fleck * (1.0 - 0.6 * leg));
    rgb *= mix(1.0, 0.25, nostril * head) * mix(1.0, 0.5, mouth) * mix(1.0, 0.55, in_ear);
    vec2 chestnut = vec2(t.y, t.z) - (t.y < 0.0 ? CARPUS.yz + vec2(0.05, 0.10) : HOCK.yz + vec2(-0.07, -0.06));
    rgb *= mix(1.0, 0.45, ramp(0.02, 0.012, length(chestnut * vec2(1.0, 0.5))) * step(0.4, -outer) * leg);
"""

_MATERIALS = """
    // hair of mane, tail and feather: strands along the lock, one lock darker than the next
    float strand = (strands.r + 0.6 * strands.g - 0.8) * clamp(0.006 / px, 0.0, 1.0);
    if (is_hair) {
        vec4 own = material < 1.5 ? COAT_MANE : COAT_TAIL;
        float other = ramp(-0.06, 0.06, COAT_SECOND_HAIR.w - fract(hair.y * 7.13 + 0.3 * strands.b));
        vec3 colour = mix(own.rgb, COAT_SECOND_HAIR.rgb, other);
        colour = mix(colour, COAT_WHITE.rgb, max(white * step(0.01, COAT_PATTERN_SIDE.w), COAT_PATTERN_SIDE.w * white));
        colour = mix(colour, COAT_WHITE.rgb, COAT_ROAN_WHERE.w * (0.5 + strand));
        rgb = colour * max(1.0 + 1.3 * own.a * strand, 0.45) * (0.8 + 0.3 * fract(hair.y * 3.7));
    }
    if (is_hair || is_feather) {
        rgb *= 1.0 - COAT_HAIR_SHAPE.y * ramp(0.35, 0.0, hair.x);
        rgb *= 1.0 + COAT_HAIR_SHAPE.x * ramp(0.4, 1.0, hair.x);
        if (is_feather) rgb *= 0.9 + 0.5 * strand;
    } else if (material > 2.5 && material < 3.5) {
        // horn: pale below white, rings of growth, the coronet darker
        float is_pale = step(0.05, limb_pick(COAT_SOCKS));
        float streak = ramp(-0.2, 0.5, sin(230.0 * (t.x + 0.8 * t.y) + 14.0 * broad.r) + 3.0 * (middle.r - 0.5));
        rgb = mix(COAT_HOOF.rgb, COAT_PALE_HOOF.rgb, mix(is_pale, streak, COAT_HOOF.w));
        rgb *= (1.0 + 0.12 * COAT_PALE_HOOF.w * sin(t.z * 420.0 + 9.0 * t.y)) * (0.85 + 0.3 * middle.b);
    }
    // iris with a level pupil, white in the corners
    vec3 iris = mix(COAT_EYE.rgb, vec3(0.004), ramp(0.0115, 0.0085, length(lid * vec2(0.75, 1.3))));
    iris = mix(iris, vec3(0.5, 0.45, 0.42), COAT_EYE.w * ramp(0.013, 0.018, abs(lid.x)));
    if (!is_hair) rgb = mix(rgb, iris, eye_open);
    if (COAT_TEXTURE.z > 0.0) {
        vec2 uv = abs(tn.x) > 0.5 ? t.yz + 0.4 * step(0.0, t.x) : t.xy;
        vec2 step_px = vec2(px * COAT_TEXTURE.y, 0.0);
        vec3 cloth = textureGrad(bank, vec3(uv * COAT_TEXTURE.y, COAT_TEXTURE.x), step_px, step_px.yx).rgb;
        rgb = mix(rgb, pow(cloth, vec3(2.2)), COAT_TEXTURE.z);
    }

    // dirt reaches up the legs, lies in patches on the body, and splashes; dust greys; sweat darkens
    float splashed = t.z + 0.2 * (middle.b - 0.5) + 0.1 * fine.r;
    float lain = (is_hair ? middle.b : strands.b) + 0.3 * (fine.r - 0.5);
    float spoilt = max(1.0 - ramp(0.6 * COAT_DIRT_SHAPE.x, COAT_DIRT_SHAPE.x + 0.01, splashed),
                       ramp(COAT_DIRT_SHAPE.z, COAT_DIRT_SHAPE.z + 0.25, lain));
    vec3 drop = nearest_cell((p.yzx + 0.6 * p.xyz) * 30.0 + 3.0 * middle.rgb);
    float reach = ramp(1.25, 0.3, t.z + 0.5 * (broad.g - 0.5));
    spoilt = max(spoilt, COAT_DIRT_SHAPE.w * step(drop.y, 0.75 * reach)
                         * ramp(0.45 * drop.z + 0.10, 0.45 * drop.z - 0.05, drop.x + 0.2 * (fine.b - 0.5)));
    float dirty = COAT_DIRT.w * spoilt * (is_hair ? 1.0 : 1.0 - eye_open);
    rgb = mix(rgb, COAT_DIRT.rgb * (0.8 + 0.4 * fine.g), dirty);
    float dusty = COAT_DUST.w * (0.45 + 0.55 * ramp(-0.3, 0.8, tn.z) + 0.6 * (broad.r - 0.5));
    rgb = mix(rgb, COAT_DUST.rgb, clamp(dusty, 0.0, 1.0) * (is_hair ? 1.0 : 1.0 - eye_open));
    float girth = exp(-pow((t.y - ELBOW.y - 0.10) * 9.0, 2.0)) * ramp(1.45, 1.1, t.z);
    float heated = max(max(0.85 * neck * (1.0 - head), girth), max(0.9 * flank, inside)) * (is_hair ? 0.3 : 1.0);
    float sweat = COAT_WET.x * ramp(0.35, 0.75, heated * (0.55 + 0.9 * middle.b));
    float wet = max(COAT_WET.y, sweat);
    rgb = mix(rgb, rgb * (0.25 + 0.6 * rgb), COAT_WET.z * wet);
    float lather = COAT_WET.w * sweat * ramp(0.62, 0.75, middle.r + 0.5 * (fine.a - 0.5));
    rgb = mix(rgb, vec3(0.6, 0.58, 0.54), 0.7 * lather);
    float gloss = (COAT_GLOSS.x + 0.35 * wet) * (1.0 - 0.8 * max(dirty, 0.7 * COAT_DUST.w)), bump = COAT_GLOSS.w;
"""

_RELIEF = """
    // relief: broad muscles, the lie of the coat, veins where skin is thin
    float vein = COAT_GRAIN.w * ramp(0.06, 0.0, abs(middle.r - 0.52)) * max(leg, max(0.6 * head, belly));
    vec3 relief = (0.12 + 0.5 * COAT_GRAIN.z) * (broad.rgb - 0.5) + 0.35 * COAT_GRAIN.z * (middle.rgb - 0.5)
                + bump * 0.5 * (middle.rgb + fine.rgb - 1.0) + COAT_FUZZ.x * (fine.a - 0.5) * vec3(0.9, -0.5, 0.7);
    relief += vein * 1.2 * (middle.gbr - 0.5);
    if (is_hair || is_feather) relief += 0.55 * vec3(strand, strands.b - 0.5, strands.g - 0.5);
    float strength = is_hair ? COAT_HAIR_SHAPE.z * (0.5 + hair.y) : gloss;
    strength *= 0.8 * (0.5 + 0.02 * COAT_GLOSS.y);
    vec3 tint = mix(vec3(1.0), sqrt(rgb), 0.7);  // of the highlight
"""

_LIGHT = """
    vec3 n = normalize(normal);
    vec3 v = normalize(SCENE_EYE.xyz - world);
    if (dot(n, v) < 0.0) n = -n;
    n = normalize(n + relief);
    float inner = clamp(-outer, 0.0, 1.0) * step(t.z, 1.0);
    float ao = (1.0 - 0.55 * inner) * mix(0.62, 1.0, ramp(-0.9, 0.2, tn.z));
    ao *= mix(0.8, 1.0, ramp(0.0, 0.3, world.z));
    ao *= mix(1.0, 0.65, ramp(0.95, 0.8, t.z) * ramp(0.6, 0.8, t.z) * step(0.05, side));
    float facing = dot(n, SCENE_SUN.xyz);
    if (is_hair || is_feather) facing = 0.6 * facing + 0.4;  // light passes into hair
    float light = max(facing, 0.0) * shadow_at(world + n * 0.03) * mix(1.0, ao, 0.4);
    vec3 shaded = lit(rgb, n, light, ao);
    // highlight: along the hair it is drawn out across the hair's direction, as on a polished coat
    vec3 half_way = normalize(v + SCENE_SUN.xyz);
    float nh = max(dot(n, half_way), 0.001);
    vec3 lie = normalize(grain + 0.0001 + COAT_GRAIN.y * (fine.rgb - 0.5));
    float th = dot(lie, half_way);
    float drawn_out = pow(max(1.0 - th * th, 0.001), 0.5 * COAT_GLOSS.y) * pow(nh, 0.2 * COAT_GLOSS.y);
    float shine = mix(pow(nh, COAT_GLOSS.y), drawn_out, is_hair ? 1.0 : COAT_GRAIN.x);
    shaded += SCENE_SUN_RGB.rgb * (strength * shine * light) * tint;
    float rim = pow(1.0 - max(dot(n, v), 0.0), 4.0);
    float sheen = COAT_GLOSS.z * (0.4 * gloss * (0.3 + rim) + 0.3 * rim * (0.15 + gloss));
    shaded += SCENE_SKY_RGB.rgb * ao * ramp(-0.2, 0.9, reflect(-v, n).z) * sheen;
    shaded += COAT_FUZZ.y * rim * rgb * (SCENE_SKY_RGB.rgb + SCENE_SUN_RGB.rgb * light);
    if (!is_hair) shaded += eye_open * (vec3(0.6) * pow(nh, 60.0) + 0.04 * SCENE_SKY_RGB.rgb * max(n.z, 0.0));
"""

_NOISE = """
    vec3 p = t + COAT_OFFSET.xyz;
    vec4 middle = texture(volume, p * 1.1);
    // what is finer than a pixel would only sparkle: it fades to its mean
    const mat3 askew = mat3(0.80, 0.36, -0.48, -0.60, 0.48, -0.64, 0.0, 0.80, 0.60);
    vec4 fine = texture(volume, askew * (p + 0.03 * middle.rgb) * COAT_ROAN.y) - 0.5;
    fine = 0.5 + fine * clamp(0.05 / max(px * COAT_ROAN.y, 0.0001), 0.0, 1.0);
"""

_STRANDS = """
    // one look-up serves two: strands where there is hair, patches of dirt where there is none
    vec3 down = material > 1.5 && material < 2.5 ? TAIL_AXIS : vec3(0.0, 0.2, -0.98);
    vec3 combed = p - 0.96 * down * dot(p, down);
    vec4 strands = texture(volume, is_hair || is_feather ? combed * 8.0 + hair.y * 9.0 : p * COAT_DIRT_SHAPE.y);
"""

_UNIFORMS = f"uniform vec4 coat[{len(COAT_FIELDS)}];\n" + defines("coat", COAT_FIELDS) + ANATOMY

_FRAYED = "COAT_HAIR_SHAPE.w * ramp(0.72, 1.0, hair.x) > 0.25 + 0.9 * strands.r"
"""Where a lock's ragged end has a gap."""

_RAGGED = "0.4 * COAT_FUZZ.z * (fine.a - 0.3)"
"""The cosine between skin and view below which a winter coat's outline has a gap."""

SURFACE_OUTPUTS = 6
"""What ``surface_fragment`` writes: ids, depth, then four four-vectors; see there."""


def surface_fragment(*, is_lock: bool, is_fuzzy: bool) -> str:
    """Return the shader that writes down the skin's points.

    Args:
        is_lock: for mane, tail and feather, whose ends are ragged; else for the skin.
        is_fuzzy: for a winter coat, whose outline is ragged.
    """
    fray = f"    if ({_FRAYED}) discard;\n"
    fuzz = f"""
    float slant = abs(dot(normalize(normal), normalize(SCENE_EYE.xyz - world)));
    if (slant < {_RAGGED} && !is_hair) discard;
"""
    return (
        COMMON
        + "uniform float object_id;\nuniform float serial;\n"
        + _UNIFORMS
        + """
in vec3 world; in vec3 normal; in vec3 t; in vec3 tn; in vec3 grain; in vec2 hair;
in float material; flat in float segment; in float z_cam;
layout(location = 0) out vec4 out_id;  // alpha: which of the horses that were drawn
layout(location = 1) out float out_z;
layout(location = 2) out vec4 out_place;  // the point on the template; size of a pixel there, m
layout(location = 3) out vec4 out_normal;  // in the world; place along the lock
layout(location = 4) out vec4 out_rest;  // the normal on the template; number of the lock
layout(location = 5) out vec4 out_grain;  // the hair's direction in the world; material
"""
        + _RAMP
        + """
void main() {
    bool is_feather = material > 5.5, is_hair = material > 0.5 && material < 2.5;
    float px = 0.5 * length(fwidth(t));
"""
        + (_NOISE if is_fuzzy else "    vec3 p = t + COAT_OFFSET.xyz;\n")
        + (_STRANDS + fray if is_lock else "")
        + (fuzz if is_fuzzy else "")
        + """
    out_id = vec4(object_id, segment, material, serial) / 255.0;
    out_z = z_cam;
    out_place = vec4(t, px);
    out_normal = vec4(normal, hair.x);
    out_rest = vec4(tn, hair.y);
    out_grain = vec4(grain, material);
}
"""
    )


_PAINT = (
    _NOISE
    + """
    vec4 broad = texture(volume, p * 0.35);
    vec4 pattern = texture(volume, p * COAT_PATTERN_SCALE.xyz);
"""
    + _STRANDS
    + _COLOUR
    + _MATERIALS
    + _RELIEF
)
"""What a point of the skin looks like without light: ``rgb``, ``relief``, the highlight's ``strength`` and ``tint``."""

WHERE_FRAGMENT = """#version 330
uniform sampler2D ids;
uniform float serial;
void main() {
    float a = texelFetch(ids, ivec2(gl_FragCoord.xy), 0).a;
    gl_FragDepth = abs(a * 255.0 - serial) < 0.5 ? 0.5 : 1.0;
}
"""
"""Depth that lets ``COAT_FRAGMENT`` pass at one horse's pixels only; with ``smooth.SMOOTH_VERTEX``."""

COAT_VERTEX = """#version 330
uniform mat4 ray_from_ndc;
in vec2 in_ndc;
out vec3 ray;
void main() {
    ray = (ray_from_ndc * vec4(in_ndc, 1.0, 0.0)).xyz;
    gl_Position = vec4(in_ndc, 1.0, 1.0);
}
"""

COAT_FRAGMENT = (
    COMMON
    + """
uniform vec2 mirror;  // height in the world as a factor and a summand: other than 1 and 0 in a mirror image
uniform sampler2D depth; uniform sampler2D place; uniform sampler2D normals;
uniform sampler2D rest; uniform sampler2D grains;
in vec3 ray;
layout(location = 0) out vec4 out_rgb;
"""
    + _UNIFORMS
    + _RAMP
    + _FUNCTIONS
    + """
void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    vec4 a = texelFetch(place, at, 0), b = texelFetch(normals, at, 0);
    vec4 c = texelFetch(rest, at, 0), d = texelFetch(grains, at, 0);
    t = a.xyz, normal = b.xyz, tn = c.xyz, grain = d.xyz, hair = vec2(b.w, c.w), material = d.w;
    float px = a.w;
    world = SCENE_EYE.xyz + ray * texelFetch(depth, at, 0).r;  // the ray has length 1 along the axis
    world.z = world.z * mirror.x + mirror.y;
    bool is_feather = material > 5.5, is_hair = material > 0.5 && material < 2.5;
"""
    + _PAINT
    + _LIGHT
    + """
    out_rgb = displayed(fogged(shaded, world));
}
"""
)

_CORNEA_REFLECTANCE = 0.025
"""At normal incidence, of a refractive index of 1.376."""

COAT_BAKE_FRAGMENT = (
    COMMON
    + """
in vec3 at_template; in vec3 at_normal; in vec2 at_hair; in float at_material;
layout(location = 0) out vec4 out_albedo;  // sRGB; coverage
layout(location = 1) out vec4 out_surface;  // strength of the highlight; raggedness of the outline
layout(location = 2) out vec4 out_relief;
"""
    + _UNIFORMS
    + _RAMP
    + _FUNCTIONS
    + STORED
    + """
void main() {
    t = at_template, tn = at_normal, hair = at_hair, material = at_material;
    float px = 0.5 * length(fwidth(t));
    bool is_feather = material > 5.5, is_hair = material > 0.5 && material < 2.5;
"""
    + _PAINT
    + f"""
    bool is_gap = (is_hair || is_feather) && {_FRAYED};
    float ragged = is_hair ? 0.0 : {_RAGGED};
    // an eye is as wet as eyes are, whatever the coat's highlight: atlas.SurfaceTexture.reflectance makes of it this
    float wet_eye = {_CORNEA_REFLECTANCE} * (COAT_GLOSS.y + 2.0) / 8.0;
    out_albedo = vec4(srgb(rgb), is_gap ? 0.0 : 1.0);
    strength *= dot(tint, vec3(0.2126, 0.7152, 0.0722));
    out_surface = vec4(is_hair ? strength : mix(strength, wet_eye, eye_open), ragged, 0.0, 1.0);
    out_relief = vec4(stored(relief), 1.0);
}}
"""
)
"""The coat without light, for textures; with ``bake.BAKE_VERTEX``."""
