// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/http/embedded_document.h"

namespace holdfast {

// GET /console, GET /console/{document}: the page for operators, which is the files of console/. It
// may load nothing from elsewhere, and be shown in no other page.
HttpAnswer AnswerConsole(const Route& route, std::string_view if_none_match,
                         std::string_view request_id);

// Browsers carry strangers' pages to addresses that only their user can reach. Whether a request to
// the operator's port is not of that kind: `host`, `origin` and `fetch_site` are its headers Host,
// Origin and Sec-Fetch-Site. Programs send neither of the last two and are let in; a browser must
// have been given an address or "localhost", so that no name of a stranger's can lead here, and
// come from that same page. kBadRequest says so.
Status CheckBrowser(std::string_view host, std::string_view origin, std::string_view fetch_site);

}  // namespace holdfast
