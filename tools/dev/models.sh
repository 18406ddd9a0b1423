# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Models: converted to ONNX by tools/models, packed by `holdfast pack`. Sourced by ./dev.

readonly MODELS=build/models
readonly ONNX=build/onnx
readonly TOOLS=tools/python/src
readonly LABELS=tools/models/imagenet_labels.txt
readonly PHOTO=tests/data/photos/chelsea.jpg
readonly DEMO_MODEL=efficientnet-lite0
readonly MODEL_USAGE="usage: ./dev model efficientnet-lite0
       ./dev model resnet50 (--weights FILE.pth|FILE.onnx | --random [--seed N]) [--version N]"

# holdfast-tools need not be installed.
python_with_tools() { PYTHONPATH="$TOOLS:." "$PYTHON" "$@"; }

cmd_model() { #: make and pack a model: resnet50 (--weights FILE | --random), efficientnet-lite0
  local name="${1:-}"
  [[ $# -eq 0 ]] || shift
  case "$name" in
    efficientnet-lite0)
      [[ $# -eq 0 ]] || fail "$MODEL_USAGE" 64
      prepare_silently
      build_product
      ;;
    resnet50) model_resnet50 "$@" ;;
    *) fail "$MODEL_USAGE" 64 ;;
  esac
  finish "model: done, see $MODELS/$name/"
}

model_resnet50() {
  local version=1 source=()
  while [[ $# -gt 0 ]]; do
    case "$1" in
      --weights)
        [[ $# -ge 2 ]] || fail "$MODEL_USAGE" 64
        [[ -f "$2" ]] || fail "there is no file $2; docs/models.md says how to get the weights" 66
        source+=(--weights "$2")
        shift 2
        ;;
      --seed) [[ $# -ge 2 ]] || fail "$MODEL_USAGE" 64; source+=(--seed "$2"); shift 2 ;;
      --version) [[ $# -ge 2 ]] || fail "$MODEL_USAGE" 64; version="$2"; shift 2 ;;
      --random) source+=(--random); shift ;;
      *) fail "$MODEL_USAGE" 64 ;;
    esac
  done
  [[ " ${source[*]:-} " == *" --weights "* || " ${source[*]:-} " == *" --random "* ]] ||
    fail "$MODEL_USAGE" 64
  [[ $version =~ ^[1-9][0-9]*$ ]] || fail "--version wants a whole number from 1" 64
  prepare_silently
  step "build (release)" compile release "${EXECUTABLES[@]}"
  mkdir -p "$ONNX"
  step "resnet50 as ONNX" python_with_tools -m tools.models.resnet50 "${source[@]}" --output "$ONNX/resnet50.onnx"
  step "pack resnet50/$version" pack "$ONNX/resnet50.onnx" resnet50 "$version" torchvision "$PHOTO"
}

cmd_quantize() { #: make int8 of a packed model and compare the two: NAME --photos DIR
  local name="${1:-}"
  [[ -n $name && $name != -* ]] || fail "usage: ./dev quantize NAME --photos DIR [OPTION OF holdfast-tools]" 64
  shift
  prepare_silently
  local versions=("$MODELS/$name"/[0-9]*/)
  [[ -d "${versions[0]}" ]] || fail "there is no $MODELS/$name; ./dev model makes one" 66
  local newest
  newest="$(printf '%s\n' "${versions[@]}" | sort -V | tail -n 1)"
  python_with_tools -m holdfast_tools quantize "$newest" --output "$ONNX/$name-int8.onnx" "$@"
  finish "quantize: done, see $ONNX/$name-int8.onnx"
}

# 967 is "espresso", with 0.94: far enough from a doubt. The cat is Egyptian by a hair only.
readonly DEMO_GOLDEN=tests/data/photos/coffee.jpg=967

pack_demo_model() {
  local inputs digest onnx="$ONNX/$DEMO_MODEL.onnx"
  mkdir -p "$ONNX"
  digest="$(content_digest tools/models/*.py "$TOOLS"/holdfast_tools/{onnx_graph,state_dict}.py \
    tools/dev/downloads.py tools/dev/checksums.txt)"
  if ! [[ -f "$onnx" ]] || ! is_stamped "$onnx.stamp" "$digest"; then
    python_with_tools -m tools.models.efficientnet_lite --output "$onnx"
    printf '%s' "$digest" >"$onnx.stamp"
  fi
  # Whatever may change a packed folder: what goes in, and the program that packs.
  inputs=("$onnx" "$LABELS" "${DEMO_GOLDEN%=*}" "$BIN/holdfast" "$BIN/holdfast-worker")
  digest="$(content_digest "${inputs[@]}" tools/dev/models.sh)"
  local stamp="$ONNX/$DEMO_MODEL.packed.stamp"
  if [[ -f "$MODELS/$DEMO_MODEL/1/model.onnx" ]] && is_stamped "$stamp" "$digest"; then return; fi
  pack "$onnx" "$DEMO_MODEL" 1 efficientnet-lite "$DEMO_GOLDEN"
  printf '%s' "$digest" >"$stamp"
}

# pack ONNX NAME VERSION PRESET PHOTO[=CLASS]
pack() {
  mkdir -p "$MODELS"
  "$BIN/holdfast" pack "$1" --name "$2" --repository "$MODELS" --version "$3" --force \
    --labels "$LABELS" --preset "$4" --golden "$5"
}
