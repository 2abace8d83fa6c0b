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
    "offset",  # shift of the backdrop's noise: u, v, horizon angle; contact shadow strength
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

DEPTH_FRAGMENT = """#version 330
void main() {}
"""
