// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "gateway/call/class_text.h"
#include "gateway/encoding/json_writer.h"
#include "gateway/http/answer_format.h"
#include "gateway/http/face.h"
#include "gateway/http/render_inference_protocol.h"

namespace holdfast {
namespace {

// One element an outcome, between brackets.
template <class Append>
void AppendList(std::string& body, const std::vector<ItemOutcome>& outcomes, Append append) {
  body += '[';
  for (const ItemOutcome& outcome : outcomes) {
    if (&outcome != &outcomes.front()) body += ',';
    append(outcome);
  }
  body += ']';
}

void AppendRow(std::string& body, const std::vector<float>& scores) {
  body += '[';
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (i > 0) body += ',';
    AppendJsonFloat(body, scores[i]);
  }
  body += ']';
}

void AppendPredictions(std::string& body, const ServableDescription& servable,
                       const std::vector<ClassScore>& best) {
  body += '[';
  for (std::size_t i = 0; i < best.size(); ++i) {
    body += i > 0 ? ",{\"label\":" : "{\"label\":";
    AppendJsonString(body, LabelOf(servable, best[i].index));
    body += ",\"index\":";
    AppendJsonInteger(body, best[i].index);
    body += ",\"probability\":";
    AppendJsonFloat(body, best[i].probability);
    body += '}';
  }
  body += ']';
}

void AppendScoredLabels(std::string& body, const ServableDescription& servable,
                        const std::vector<ClassScore>& best) {
  body += '[';
  for (std::size_t i = 0; i < best.size(); ++i) {
    body += i > 0 ? ",[" : "[";
    AppendJsonString(body, LabelOf(servable, best[i].index));
    body += ',';
    AppendJsonFloat(body, best[i].probability);
    body += ']';
  }
  body += ']';
}

// {"label": probability, …}, the best first.
void AppendLabelScores(std::string& body, const ServableDescription& servable,
                       const std::vector<ClassScore>& best) {
  body += '{';
  for (const ClassScore& ranked : best) {
    if (&ranked != &best.front()) body += ',';
    AppendJsonString(body, LabelOf(servable, ranked.index));
    body += ':';
    AppendJsonFloat(body, ranked.probability);
  }
  body += '}';
}

// {"model": …, "version": …, "predictions": without its value.
void AppendModel(std::string& body, const ModelKey& key) {
  body += "{\"model\":";
  AppendJsonString(body, key.name);
  body += ",\"version\":\"";
  AppendJsonInteger(body, key.version);
  body += "\",\"predictions\":";
}

std::string RenderJson(const Route& route, AnswerForm form, const ServableDescription& servable,
                       const std::vector<ItemOutcome>& outcomes) {
  std::string body;
  const auto best = [&](const ItemOutcome& outcome) { return Best(servable, outcome, route.top); };
  const auto append_row = [&](const ItemOutcome& outcome) { AppendRow(body, outcome.scores); };
  const auto append_predictions = [&](const ItemOutcome& outcome) {
    AppendPredictions(body, servable, best(outcome));
  };
  switch (form) {
    case AnswerForm::kPredictions:
      AppendModel(body, servable.key);
      if (outcomes.size() == 1) {
        append_predictions(outcomes.front());
      } else {
        AppendList(body, outcomes, append_predictions);
      }
      break;
    case AnswerForm::kRowTensors:
      body += "{\"predictions\":";
      AppendList(body, outcomes, append_row);
      break;
    case AnswerForm::kColumnTensors:
      body += "{\"outputs\":";
      AppendList(body, outcomes, append_row);
      break;
    case AnswerForm::kClassifyResult:
      body += "{\"results\":";
      AppendList(body, outcomes, [&](const ItemOutcome& outcome) {
        AppendScoredLabels(body, servable, best(outcome));
      });
      break;
    case AnswerForm::kLabelScores:
      AppendLabelScores(body, servable, best(outcomes.front()));
      return body + '\n';
    case AnswerForm::kInferenceProtocol:
      break;  // RenderInferenceProtocol's.
  }
  return body + "}\n";
}

// RFC 4180: quoted where it has to be.
void AppendCsvField(std::string& body, std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
    body += text;
    return;
  }
  body += '"';
  for (const char c : text) {
    if (c == '"') body += '"';
    body += c;
  }
  body += '"';
}

// label,index,probability for an image, a line a class; the scores for a tensor, a line an item.
std::string RenderCsv(const Route& route, AnswerForm form, const ServableDescription& servable,
                      const std::vector<ItemOutcome>& outcomes) {
  std::string body;
  for (const ItemOutcome& outcome : outcomes) {
    if (form == AnswerForm::kPredictions) {
      for (const ClassScore& ranked : Best(servable, outcome, route.top)) {
        AppendCsvField(body, LabelOf(servable, ranked.index));
        body += ',';
        AppendJsonInteger(body, ranked.index);
        body += ',';
        AppendJsonFloat(body, ranked.probability);
        body += '\n';
      }
      continue;
    }
    for (std::size_t i = 0; i < outcome.scores.size(); ++i) {
      if (i > 0) body += ',';
      AppendJsonFloat(body, outcome.scores[i]);
    }
    body += '\n';
  }
  return body;
}

// The JSON answer's objects for an image, the bare scores for a tensor: a line an item.
std::string RenderJsonLines(const Route& route, AnswerForm form,
                            const ServableDescription& servable,
                            const std::vector<ItemOutcome>& outcomes) {
  std::string body;
  for (const ItemOutcome& outcome : outcomes) {
    if (form == AnswerForm::kPredictions) {
      AppendModel(body, servable.key);
      AppendPredictions(body, servable, Best(servable, outcome, route.top));
      body += "}\n";
    } else {
      AppendRow(body, outcome.scores);
      body += '\n';
    }
  }
  return body;
}

}  // namespace

HttpAnswer RenderCall(const Route& route, const HttpRequest& request, const ParsedCall& call,
                      const ServableDescription& servable,
                      const std::vector<ItemOutcome>& outcomes) {
  const AnswerForm form = call.form;
  if (form == AnswerForm::kInferenceProtocol) {
    return RenderInferenceProtocol(call, servable, outcomes);
  }
  HttpAnswer answer;
  const std::string_view format = AnswerFormat(route.endpoint, request.accept).value_or(kJson);
  answer.content_type = format;
  if (format == kCsv) {
    answer.body = RenderCsv(route, form, servable, outcomes);
  } else if (format == kJsonLines) {
    answer.body = RenderJsonLines(route, form, servable, outcomes);
  } else {
    answer.body = RenderJson(route, form, servable, outcomes);
  }
  return answer;
}

}  // namespace holdfast
