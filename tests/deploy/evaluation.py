# SPDX-License-Identifier: Apache-2.0
"""What a CloudFormation template comes out as with given values."""

import re

NOTHING = object()  # AWS::NoValue


class Evaluation:
    """`content`: a template as read() gives it. `values`: {parameter, AWS:: name or resource: value};
    a name that is not there is a KeyError, so that nothing is made up."""

    def __init__(self, content, values):
        self.content = content
        self.values = values

    def condition(self, name):
        return self.evaluate(self.content["Conditions"][name])

    def evaluate(self, node):
        if isinstance(node, list):
            return [value for each in node if (value := self.evaluate(each)) is not NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((name, argument),) = node.items()
            if name == "Ref":
                return self._ref(argument)
            if name == "Condition" and isinstance(argument, str):
                return self.condition(argument)
            if name.startswith("Fn::"):
                return getattr(self, "_" + name[4:].lower())(argument)
        return {key: value for key, each in node.items()
                if (value := self.evaluate(each)) is not NOTHING}

    def _ref(self, name):
        return NOTHING if name == "AWS::NoValue" else self.values[name]

    def _getatt(self, path):
        name, _, attribute = (path if isinstance(path, str) else ".".join(path)).partition(".")
        if attribute.endswith("FullName"):  # A load balancer's, of its ARN.
            return self.values[name].split("/", 1)[-1]
        return self.values[name]

    def _sub(self, argument):
        text, own = argument if isinstance(argument, list) else (argument, {})
        own = {name: self.evaluate(each) for name, each in own.items()}

        def value(match):
            name = match[1]
            if name in own:
                return str(own[name])
            return str(self._getatt(name) if "." in name else self._ref(name))
        return re.sub(r"\$\{([^}!]+)\}", value, text)

    def _if(self, argument):
        return self.evaluate(argument[1] if self.condition(argument[0]) else argument[2])

    def _equals(self, argument):
        left, right = (str(self.evaluate(each)) for each in argument)
        return left == right

    def _not(self, argument):
        return not self.evaluate(argument[0])

    def _and(self, argument):
        return all(self.evaluate(each) for each in argument)

    def _or(self, argument):
        return any(self.evaluate(each) for each in argument)

    def _join(self, argument):
        return argument[0].join(str(each) for each in self.evaluate(argument[1]))

    def _findinmap(self, argument):
        name, first, second = (self.evaluate(each) for each in argument)
        return self.content["Mappings"][name][str(first)][second]

    def _select(self, argument):
        return self.evaluate(argument[1])[int(argument[0])]

    def _base64(self, argument):
        return self.evaluate(argument)


def defaults(content):
    """{parameter: its default}; one that has none is not there."""
    return {name: each["Default"] for name, each in content.get("Parameters", {}).items()
            if "Default" in each}
