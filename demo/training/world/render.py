"""From scenes to pictures: the order in which everything is painted, and where concepts come in.

A concept replaces the base slot of its category (clothing, background, object), or adds to the
animal (character), or works on the finished picture (style): see `concept.py`.
"""

import torch
from torch import Tensor

from . import clothes, creature, crests, objects, shapes
from .backgrounds import draw_background
from .canvas import SIDE_PX, Canvas, Pen, picture_pen
from .concepts import CONCEPTS
from .palette import DARK, shade
from .scenes import Scenes
from .styles import apply_pastel

NOISE_X, NOISE_Y, NOISE_SCALE, NOISE_MIRROR = 0, 1, 2, 3


def render(scenes: Scenes) -> Tensor:
    """Pictures [n, 3, 128, 128] in 0..1, on the device of the scenes."""
    device = scenes.noise.device
    canvas = Canvas(len(scenes), device)
    everyone = torch.arange(len(scenes), device=device)
    inked = scenes.slot_is("style", "outline")
    place = picture_pen(canvas, everyone, inked)
    pen = _animal_pen(canvas, scenes, everyone, inked)

    bare = ~_holds(scenes, "background")
    draw_background(place.only(bare), scenes.take(bare))
    _concepts(scenes, "background", place)

    fur = creature.fur_colour(scenes)
    pen.paint(0, 2, 32, lambda x, y: shapes.ellipse(x, y, 30, 6), DARK, opacity=0.22, softness_px=3, ink=False)
    undressed = ~_holds(scenes, "clothing")
    clothes.draw_behind(pen.only(undressed), scenes.take(undressed))
    _concepts(scenes, "character_back", pen)
    creature.draw_back(pen, scenes, fur)
    creature.draw_body(pen, scenes, fur)
    _concepts(scenes, "character_body", pen)
    clothes.draw_over(pen.only(undressed), scenes.take(undressed))
    _concepts(scenes, "clothing", pen)
    creature.draw_head(pen, scenes, fur)
    _concepts(scenes, "character_head", pen)
    creature.draw_face(pen, scenes, fur)
    _concepts(scenes, "character_face", pen)
    plain = ~_holds(scenes, "character")
    crests.draw_crest(pen.only(plain), scenes.take(plain))
    _concepts(scenes, "clothing_hood", pen)
    empty = ~_holds(scenes, "object")
    objects.draw_object(pen.only(empty), scenes.take(empty))
    _concepts(scenes, "object", pen)
    objects.draw_paw(pen, shade(fur, 0.06))
    _concepts(scenes, "object_front", pen)

    pictures = apply_pastel(canvas.picture().clone(), scenes.slot_is("style", "pastel"))
    for concept in CONCEPTS.values():
        rows = scenes.has_concept(concept.name)
        if concept.category == "style" and rows.any():
            pictures[rows] = concept.restyle(pictures[rows], scenes.noise[rows])
    return pictures.clamp(0, 1)


def _animal_pen(canvas: Canvas, scenes: Scenes, rows: Tensor, inked: Tensor) -> Pen:
    noise = scenes.noise
    x = SIDE_PX / 2 + 16 * (noise[:, NOISE_X] - 0.5)
    y = 117 + 4 * (noise[:, NOISE_Y] - 0.5)
    scale = 0.96 + 0.1 * (noise[:, NOISE_SCALE] - 0.5)
    mirror = torch.where(noise[:, NOISE_MIRROR] < 0.5, 1.0, -1.0)
    return Pen(canvas, rows, torch.stack([x, y], 1), scale, mirror, inked)


def _holds(scenes: Scenes, category: str) -> Tensor:
    flags = torch.zeros(len(scenes), dtype=torch.bool, device=scenes.noise.device)
    for concept in CONCEPTS.values():
        if concept.category == category:
            flags = flags | scenes.has_concept(concept.name)
    return flags


def _concepts(scenes: Scenes, layer: str, pen: Pen) -> None:
    for concept in CONCEPTS.values():
        rows = scenes.has_concept(concept.name)
        if layer in concept.layers and rows.any():
            concept.layers[layer](pen.only(rows), scenes.take(rows))
