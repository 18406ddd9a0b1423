# SPDX-License-Identifier: Apache-2.0
"""The command line: holdfast-tools import, quantize and verify."""

import argparse
import pathlib
import sys
from collections.abc import Sequence
from typing import NoReturn

from holdfast_tools import calibration, importing, quantize, servable, verify
from holdfast_tools.errors import USAGE, ToolsError
from holdfast_tools.verification import Limits


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message}; {self.prog} --help lists what there is", file=sys.stderr)
        sys.exit(USAGE)


def _add_verification(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what ends it: the comparison with the original")
    defaults = Limits()
    group.add_argument("--max-loss", type=float, default=defaults.loss_points, metavar="POINTS",
                       help="accuracy that may be lost; default: %(default)s points")
    group.add_argument("--max-disagreement", type=float, default=defaults.disagreement_percent,
                       metavar="PERCENT",
                       help="photos that may get another class; default: %(default)s %%")
    group.add_argument("--accept", action="store_true", help="go on in spite of a greater loss")
    group.add_argument("--json", action="store_true", help="print one JSON object")


def _add_preprocessing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--preset", choices=servable.PRESETS,
                        help="how the training prepared pictures, as holdfast pack has it")
    parser.add_argument("--preprocessing", action="append", default=[], metavar="KEY=VALUE",
                        help="one change to the preset; may be repeated")


def _add_packing(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("packing")
    group.add_argument("--pack", type=pathlib.Path, metavar="REPOSITORY",
                       help="make a servable folder there; without it, the command is shown")
    group.add_argument("--name", help="the packed model's name; default: that of the file")
    group.add_argument("--version", type=int, help="default: one more than the highest there")
    group.add_argument("--force", action="store_true", help="replace a version that is there")
    group.add_argument("--labels", type=pathlib.Path, help="names of the classes, one a line")
    group.add_argument("--golden", action="append", default=[], metavar="PHOTO=CLASS",
                       help="a photo that must come out before the model is served")
    group.add_argument("--holdfast", metavar="PROGRAM", help="default: holdfast in PATH")


def _import_parser(commands: "argparse._SubParsersAction[_Parser]") -> None:
    parser = commands.add_parser(
        "import", help="make a servable model of a checkpoint, an ONNX file or a SavedModel")
    parser.add_argument("source", type=pathlib.Path,
                        help="a .pth state dict of torchvision's ResNets, an .onnx file, or the "
                             "folder of a SavedModel")
    parser.add_argument("--output", type=pathlib.Path, metavar="FILE.onnx",
                        help="where the ONNX file goes; not for a SavedModel, which is served as it is")
    parser.add_argument("--size", type=int, default=224,
                        help="side of the input, for checkpoints; default: %(default)s")
    parser.add_argument("--config", type=pathlib.Path, metavar="CONFIG.json",
                        help="timm's, which says how pictures are prepared")
    parser.add_argument("--photos", type=pathlib.Path, help="photos to compare the answers on")
    _add_preprocessing(parser)
    _add_packing(parser)
    _add_verification(parser)
    parser.set_defaults(run=importing.run)


def _quantize_parser(commands: "argparse._SubParsersAction[_Parser]") -> None:
    parser = commands.add_parser("quantize", help="make an int8 model, and say what that costs")
    parser.add_argument("source", type=pathlib.Path, help="a packed model's folder, or an .onnx file")
    parser.add_argument("--photos", type=pathlib.Path, required=True,
                        help="half of them calibrate, the other half verify")
    parser.add_argument("--fold", type=int, choices=(1, 2), default=1,
                        help="2 exchanges the halves; default: %(default)s")
    parser.add_argument("--verify-photos", type=pathlib.Path,
                        help="verify with these; then all of --photos calibrate")
    parser.add_argument("--output", type=pathlib.Path, required=True, metavar="FILE.onnx")
    parser.add_argument("--method", choices=("auto", *calibration.METHODS), default="auto",
                        help="where ranges are cut; auto: all are tried; default: %(default)s")
    parser.add_argument("--reduce-range", choices=("auto", "yes", "no"), default="auto",
                        help="weights in 7 bits; auto: where this CPU's sums would overflow")
    parser.add_argument("--float-layers", type=int, metavar="N",
                        help="leave the N most sensitive layers in float; default: if it is worth it")
    parser.add_argument("--in-float", action="append", default=[], metavar="LAYER",
                        help="leave this layer in float; may be repeated")
    parser.add_argument("--no-bias-correction", action="store_true")
    parser.add_argument("--equalise", action="store_true",
                        help="cross-layer equalisation before anything else")
    _add_preprocessing(parser)
    _add_packing(parser)
    _add_verification(parser)
    parser.set_defaults(run=quantize.run)


def _verify_parser(commands: "argparse._SubParsersAction[_Parser]") -> None:
    parser = commands.add_parser("verify", help="compare a model with its original")
    parser.add_argument("candidate", type=pathlib.Path, help="a packed model's folder, or an .onnx file")
    parser.add_argument("--against", type=pathlib.Path, required=True,
                        help="the original: a packed model's folder, or an .onnx file")
    parser.add_argument("--photos", type=pathlib.Path, required=True)
    parser.add_argument("--labels", type=pathlib.Path, help="names of the classes, one a line")
    _add_preprocessing(parser)
    _add_verification(parser)
    parser.set_defaults(run=verify.run)


def parser() -> argparse.ArgumentParser:
    made = _Parser(prog="holdfast-tools", description=__doc__)
    commands = made.add_subparsers(metavar="COMMAND", required=True)
    for add in (_import_parser, _quantize_parser, _verify_parser):
        add(commands)
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    given = parser().parse_args(arguments)
    try:
        code: int = given.run(given)
        return code
    except ToolsError as error:
        print(f"holdfast-tools: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"holdfast-tools: {error}", file=sys.stderr)
        return 74
    except KeyboardInterrupt:
        return 130
