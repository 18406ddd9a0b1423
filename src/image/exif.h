// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/bytes.h"
#include "image/orientation.h"

namespace holdfast {

// The orientation that an EXIF block declares (TIFF structure, with or without the "Exif\0\0"
// prefix). kUpright when there is none, or the block is malformed: a broken note about a picture
// does not make the picture unreadable. Reads the first directory only.
Orientation ReadExifOrientation(ByteView exif);

}  // namespace holdfast
