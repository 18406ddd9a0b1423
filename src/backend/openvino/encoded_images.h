// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openvino/frontend/frontend.hpp>

#include "backend/picture_rules.h"

namespace holdfast {

// Teaches TensorFlow's reader to take graphs whose input is encoded images as graphs of one decoded
// picture, [1,height,width,3] of bytes: decoding becomes nothing, and the lists of strings that
// tf.map_fn walks become tensors. Both of its forms: TensorFlow 2's tensor lists and TensorFlow 1's
// tensor arrays, which are taken to have one element, as one item is run at a time. `asked` is
// filled while a graph is converted, and must live as long as the reader. Conversion throws where a
// graph asks for anything but three channels in full size.
void LeaveOutDecoding(ov::frontend::FrontEnd& reader, PictureRules& asked);

}  // namespace holdfast
