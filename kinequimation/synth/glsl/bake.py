"""GLSL for textures: the template's triangles laid out flat, each at its place in the texture."""

from __future__ import annotations

from kinequimation.synth.glsl.garment import EAR

BAKE_VERTEX = (
    """#version 330
in vec2 in_uv; in vec3 in_template; in vec3 in_normal; in vec4 in_joint; in vec4 in_weight; in vec2 in_kind;
in vec2 in_hair;
out vec3 at_template; out vec3 at_normal; out vec2 at_hair; out float at_material; out float at_ear;
"""
    + EAR
    + """
void main() {
    at_template = in_template;
    at_normal = in_normal;
    at_hair = in_hair;
    at_material = in_kind.x;
    at_ear = ear_share(in_joint, in_weight);
    // the framebuffer's first row is the texture's top, where v is 1
    gl_Position = vec4(2.0 * in_uv.x - 1.0, 1.0 - 2.0 * in_uv.y, 0.0, 1.0);
}
"""
)
"""For ``horse.COAT_BAKE_FRAGMENT`` and ``garment.GARMENT_BAKE_FRAGMENTS``; one vertex for each corner of a face."""
