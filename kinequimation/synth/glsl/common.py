"""GLSL that every program shares: the scene's numbers, light, shadow, fog, and how light becomes pixels."""

from __future__ import annotations

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
    "offset",  # shift of the backdrop's noise: u, v, horizon angle
    "white",  # natural logarithm of the camera's gain for r, g, b; saturation − 1
    "reach",  # radius of the shadows' soft edge, m; flash: squared distance of unit light, m², or 0; ground level, wet
    "lamp_a",  # direction towards a lamp; how far it wraps round
    "lamp_b",
    "lamp_c",
    "lamp_a_rgb",  # its light
    "lamp_b_rgb",
    "lamp_c_rgb",
    "path",  # unit normal x, y, offset and half width of a strip of ground, metres; half width 0: all is strip
    "verge",  # rgb of the ground beside the strip; texture layer
    "skyline",  # pictures per radian of bearing, 1 / height as tangent, haze; picture: 0 none, 1 skyline, 2 flat
    "fit",  # where the flat picture lies: u, v = xy + zw · screen
    "fade",  # distances from the origin between which ground turns into the picture, metres; roof height, or 0; gain
    "roof",  # direction of its beams x, y; their spacing, metres; brightness of its lights
    "roof_rgb",  # rgb; share of the spacing that is light strip
    "kick",  # rgb of a wall's lower part; its upper edge as tangent
    "window",  # lower and upper edge as tangents, number per radian, light; light 0: no windows
)
"""Names of the scene's four-vectors, in the order in which the shader has them."""


def defines(array: str, names: tuple[str, ...]) -> str:
    """Return names for the entries of a uniform array: ``SCENE_SUN`` for ``scene[0]``."""
    return "".join(f"#define {array.upper()}_{n.upper()} {array}[{i}]\n" for i, n in enumerate(names))


COMMON = f"""#version 330
uniform vec4 scene[{len(SCENE_FIELDS)}];
uniform mat4 light_from_world;
uniform sampler2DShadow shadow_map;
uniform sampler2DArray bank;
uniform sampler3D volume;
{defines("scene", SCENE_FIELDS)}
// the share of the sun's light that arrives: what shadows leave, and for a flash its distance
float shadow_at(vec3 world) {{
    float arrives = 1.0;
    vec3 from_eye = world - SCENE_EYE.xyz;
    if (SCENE_REACH.y > 0.0) arrives = min(SCENE_REACH.y / dot(from_eye, from_eye), 3.0);
    vec4 q = light_from_world * vec4(world, 1.0);
    vec3 s = q.xyz * 0.5 + 0.5;
    if (s.x <= 0.0 || s.x >= 1.0 || s.y <= 0.0 || s.y >= 1.0) return arrives;
    float open;
    vec3 across = vec3(light_from_world[0][0], light_from_world[1][0], light_from_world[2][0]);
    float wide = 0.5 * SCENE_REACH.x * length(across);
    if (wide < 0.0015) open = texture(shadow_map, s);
    else {{
        // four taps on a circle that turns from pixel to pixel; the bias keeps tilted surfaces out of their own shadow
        float turn = 6.2832 * fract(52.9829 * fract(dot(gl_FragCoord.xy, vec2(0.06711056, 0.00583715))));
        vec2 c = wide * vec2(cos(turn), sin(turn));
        s.z -= 0.25 * wide;
        open = 0.25 * (texture(shadow_map, vec3(s.xy + c, s.z)) + texture(shadow_map, vec3(s.xy - c, s.z))
             + texture(shadow_map, vec3(s.x - 0.5 * c.y, s.y + 0.5 * c.x, s.z))
             + texture(shadow_map, vec3(s.x + 0.5 * c.y, s.y - 0.5 * c.x, s.z)));
    }}
    return arrives * mix(1.0, open, SCENE_SUN.w);
}}
vec3 fogged(vec3 rgb, vec3 world) {{
    float d = length(world - SCENE_EYE.xyz);
    return mix(SCENE_HORIZON.rgb, rgb, exp(-d * SCENE_GROUND_RGB.w));
}}
vec3 lit(vec3 albedo, vec3 n, float light, float ao) {{
    float up = n.z * 0.5 + 0.5;
    vec3 ambient = mix(SCENE_GROUND_RGB.rgb, SCENE_SKY_RGB.rgb, up) * ao;
    ambient += SCENE_LAMP_A_RGB.rgb * max(mix(dot(n, SCENE_LAMP_A.xyz), 1.0, SCENE_LAMP_A.w), 0.0);
    ambient += SCENE_LAMP_B_RGB.rgb * max(mix(dot(n, SCENE_LAMP_B.xyz), 1.0, SCENE_LAMP_B.w), 0.0);
    ambient += SCENE_LAMP_C_RGB.rgb * max(mix(dot(n, SCENE_LAMP_C.xyz), 1.0, SCENE_LAMP_C.w), 0.0);
    return albedo * (ambient + SCENE_SUN_RGB.rgb * light);
}}
vec4 displayed(vec3 rgb) {{
    rgb *= SCENE_SUN_RGB.w * exp(SCENE_WHITE.rgb);
    rgb = mix(vec3(dot(rgb, vec3(0.2126, 0.7152, 0.0722))), rgb, 1.0 + SCENE_WHITE.w);
    rgb = 1.04 * (1.0 - exp(-1.2 * max(rgb, 0.0)));  // a soft shoulder, as film and phones have
    rgb = pow(clamp(rgb, 0.0, 1.0), vec3(SCENE_EYE.w));
    return vec4(mix(rgb, rgb * rgb * (3.0 - 2.0 * rgb), 0.45), 1.0);  // and a toe
}}
"""
"""What lights every surface, in units in which white cloth that faces the sun shows ``sun_rgb``.

To a physically based renderer the sun is thus an irradiance of π · ``sun_rgb``. A sky of radiance ``sky_rgb`` above the
horizon and ``ground_rgb`` below gives the same ambient light; ``ao``, made up from where on the body a point lies,
stands for what would be hidden from it. A lamp without wrap is a sun that casts no shadow; with wrap 1 it is the same
from all sides. Fog takes the share 1 − exp(−distance · density), density being ``ground_rgb.w``. ``tone`` is
``displayed`` for arrays.
"""

BONES = """
layout(std140) uniform Bones { vec4 rows[243]; };
mat3x4 bone(int j) { return mat3x4(rows[3 * j], rows[3 * j + 1], rows[3 * j + 2]); }
mat3x4 blended(vec4 joint, vec4 weight) {
    return bone(int(joint.x)) * weight.x + bone(int(joint.y)) * weight.y
         + bone(int(joint.z)) * weight.z + bone(int(joint.w)) * weight.w;
}
"""

STORED = """
// how textures hold linear light, and the components of a short vector
vec3 srgb(vec3 linear) {
    vec3 c = clamp(linear, 0.0, 1.0);
    return mix(12.92 * c, 1.055 * pow(max(c, 0.0031308), vec3(1.0 / 2.4)) - 0.055, step(0.0031308, c));
}
vec3 stored(vec3 v) { return 0.5 + 0.5 * clamp(v, -1.0, 1.0); }
"""

DEPTH_FRAGMENT = """#version 330
void main() {}
"""
