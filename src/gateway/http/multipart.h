// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace holdfast {

// The content of one field of a multipart/form-data body (RFC 7578), in place: the one called
// `name`, or the first where there is none. kBadRequest: no boundary, no field, or a body that does
// not end as it should.
Result<ByteView> FindFormField(std::string_view content_type, ByteView body, std::string_view name);

}  // namespace holdfast
