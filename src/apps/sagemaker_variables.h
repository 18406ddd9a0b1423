// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace holdfast {

// What SageMaker tells a container by its variables, in the words of our settings. Those whose
// value is ours already, such as SAGEMAKER_BIND_TO_PORT, are aliases in Settings() and not here.
// Source of the variables: SageMaker's guides to inference containers and batch transform, and its
// inference toolkit.
struct SageMakerVariables {
  struct Value {
    std::string variable;
    std::string setting;
    std::string text;  // As AssignText() reads it.
  };
  struct Problem {
    std::string variable;
    std::string what;
  };
  std::vector<Value> values;
  std::vector<Problem> problems;
  std::vector<std::string> notes;
};

SageMakerVariables ReadSageMakerVariables(const std::map<std::string, std::string>& environment);

}  // namespace holdfast
