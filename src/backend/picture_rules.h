// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace holdfast {

// How a graph wants JPEGs decoded: by TensorFlow's fast transform, or by the exact one.
struct PictureRules {
  bool fast_jpeg = true;
};

}  // namespace holdfast
