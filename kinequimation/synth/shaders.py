"""GLSL of the renderer: the shared lighting, the horse's coat, the props and the backdrop."""

from __future__ import annotations

from kinequimation.synth.coat import COAT_FIELDS

SCENE_FIELDS: tuple[str, ...] = (
    "sun",  # direction towards the sun; shadow strength
    "sun_rgb",  # its light; exposure
    "sky_rgb",  # light from above; cloud share
    "ground_rgb",  # light bounced from below; fog density
    "zenith",  # rgb of the sky above; backdrop kind (0 landscape, 1 picture)
    "horizon",  # rgb of the sky at the horizon, also of the fog; cloud scale
    "soil_a",  # rgb of the ground; texture layer
    "soil_b",  # rgb of its patches; texture scale (per metre)
    "soil_mix",  # texture contrast, patch scale, patch threshold, fine contrast
    "hills",  # rgb; height (tangent of elevation)
    "trees",  # rgb; height
    "trees_shape",  # texture layer, texture scale, roughness, share of the horizon covered
    "wall",  # rgb; height as tangent of elevation, 0 for none
    "wall_shape",  # texture layer, texture scale, lower edge as tangent, contrast
    "wall_normal",  # horizontal direction towards the wall; thickness of a light line on its top
    "eye",  # camera position; tone (contrast)
    "picture",  # texture layer a, layer b, scale, mix
    "picture_rgb",  # tint; contrast
    "offset",  # shift of the backdrop's noise: u, v, horizon angle; contact shadow strength
)
"""Names of the scene's four-vectors, in the order in which the shader has them."""


def _defines(array: str, names: tuple[str, ...]) -> str:
    return "".join(f"#define {array.upper()}_{n.upper()} {array}[{i}]\n" for i, n in enumerate(names))


COMMON = f"""#version 330
uniform vec4 scene[{len(SCENE_FIELDS)}];
uniform mat4 light_from_world;
uniform sampler2DShadow shadow_map;
uniform sampler2DArray bank;
uniform sampler3D volume;
{_defines("scene", SCENE_FIELDS)}
float shadow_at(vec3 world) {{
    vec4 q = light_from_world * vec4(world, 1.0);
    vec3 s = q.xyz * 0.5 + 0.5;
    if (s.x <= 0.0 || s.x >= 1.0 || s.y <= 0.0 || s.y >= 1.0) return 1.0;
    return mix(1.0, texture(shadow_map, vec3(s.xy, s.z)), SCENE_SUN.w);
}}
vec3 fogged(vec3 rgb, vec3 world) {{
    float d = length(world - SCENE_EYE.xyz);
    return mix(SCENE_HORIZON.rgb, rgb, exp(-d * SCENE_GROUND_RGB.w));
}}
vec3 lit(vec3 albedo, vec3 n, float light, float ao) {{
    float up = n.z * 0.5 + 0.5;
    vec3 ambient = mix(SCENE_GROUND_RGB.rgb, SCENE_SKY_RGB.rgb, up) * ao;
    return albedo * (ambient + SCENE_SUN_RGB.rgb * light);
}}
vec4 displayed(vec3 rgb) {{
    rgb *= SCENE_SUN_RGB.w;
    rgb = rgb / (1.0 + 0.25 * rgb) * 1.1;
    return vec4(pow(clamp(rgb, 0.0, 1.0), vec3(SCENE_EYE.w)), 1.0);
}}
"""

BONES = """
layout(std140) uniform Bones { vec4 rows[243]; };
mat3x4 bone(int j) { return mat3x4(rows[3 * j], rows[3 * j + 1], rows[3 * j + 2]); }
mat3x4 blended(vec4 joint, vec4 weight) {
    return bone(int(joint.x)) * weight.x + bone(int(joint.y)) * weight.y
         + bone(int(joint.z)) * weight.z + bone(int(joint.w)) * weight.w;
}
"""

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
    + _defines("coat", COAT_FIELDS)
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
    out_z = t * length(ray);
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

DEPTH_FRAGMENT = """#version 330
void main() {}
"""
