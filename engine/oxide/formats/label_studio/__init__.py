"""Label Studio: a JSON list of tasks, each with what people (``annotations``) and models (``predictions``) said of it.

A task's ``data`` names its picture or video: by a path, a URL, a local file (``?d=path``) or an upload, whose number
in front of the name is taken off. A ``result`` has a shape in percent of ``original_width`` and ``original_height``
with the name of a control (``from_name``): ``rectanglelabels`` (turned clockwise about its left upper corner),
``polygonlabels``, ``keypointlabels``, ``ellipselabels``, ``brushlabels`` (pixels as bit-packed runs),
``videorectangle`` (a track, frames counted from 1), ``choices`` (about the whole task), ``textarea``. Per-region
``choices``, ``textarea``, ``number`` and ``rating`` with the id of a shape are its attributes by their control's name.
Cancelled annotations are not read. Reading holds the file in memory; it is written a task at a time, with a labelling
interface in ``config.xml``.

Source: Label Studio 1.20, "Label Studio JSON format of annotated tasks", and ``label_studio_sdk/converter/brush.py``.
"""

from oxide.formats.label_studio.format import format

__all__ = ["format"]
