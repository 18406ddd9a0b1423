# SPDX-License-Identifier: Apache-2.0
"""The calls that deploy/rollout makes, answered on this machine, with a stack that can fail.

Requests are read and answers written by botocore's own models of the services, so that the real
client speaks its real protocol. CloudFormation's side is a state machine: time passes with each look
at a stack. What moto cannot do is here: updates that fail, that hang and that are rolled back.
"""

import dataclasses
import hashlib
import http.server
import itertools
import json
import re
import threading
import urllib.parse
import xml.sax.saxutils

import botocore.session
import yaml

ACCOUNT = "111122223333"
REGISTRY = f"{ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com"
LOOKS = 3  # An update takes that many looks at the stack.
STAMP = "2026-01-01T00:00:00Z"


@dataclasses.dataclass
class Configured:
    template: str
    parameters: dict


@dataclasses.dataclass
class FakeStack:
    current: Configured | None = None
    former: Configured | None = None
    status: str = "REVIEW_IN_PROGRESS"
    looks_left: int = 0
    token: str = ""
    events: list = dataclasses.field(default_factory=list)
    change_sets: dict = dataclasses.field(default_factory=dict)


class Api(http.server.ThreadingHTTPServer):
    """`answer_with`: {image digest: server under test}, what the endpoint's machines run.

    `fate` says how the next executed change ends: "complete", ("fails", resource, type, reason),
    "hangs" (until it is cancelled) or "hangs for ever". `calls` has every call that changes something.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.RLock()
        self.models = botocore.session.get_session()
        self.stacks: dict[str, FakeStack] = {}
        self.images: dict[str, dict] = {}  # digest: manifest
        self.blobs: dict[str, bytes] = {}
        self.answer_with = {}
        self.machines = {"c7i.xlarge": ["x86_64"], "c8g.xlarge": ["arm64"]}
        self.fate = "complete"
        self.replaced: set[str] = set()
        self.calls = []
        self.invocations = []
        self.tokens = itertools.count(1)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def environment(self):
        """What makes the real client ask here."""
        return {"AWS_ENDPOINT_URL": self.url, "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "eu-central-1",
                "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null",
                "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}

    # --- What the account has ---

    def push(self, name, *architectures, as_index=False):
        """An image for these architectures; gives its URI."""
        if as_index:
            manifest = {"manifests": [{"platform": {"os": "linux", "architecture": each}}
                                      for each in architectures]}
        else:
            blob = json.dumps({"os": "linux", "architecture": architectures[0]}).encode()
            digest = "sha256:" + hashlib.sha256(blob).hexdigest()
            self.blobs[digest] = blob
            manifest = {"config": {"digest": digest}}
        digest = "sha256:" + hashlib.sha256(name.encode()).hexdigest()
        self.images[digest] = manifest
        return f"{REGISTRY}/holdfast@{digest}"

    def establish(self, name, template, parameters):
        """A stack that has been there for long."""
        self.stacks[name] = FakeStack(Configured(template, dict(parameters)),
                                      status="CREATE_COMPLETE")

    def changes(self):
        """The names of the calls that changed something, in their order."""
        return [name for name, _ in self.calls]

    # --- CloudFormation ---

    def describe_stacks(self, StackName):
        stack = self._existing(StackName)
        self._pass_time(stack, StackName)
        outputs = {"EndpointName": StackName} if stack.current else {}
        return {"Stacks": [{
            "StackName": StackName, "StackStatus": stack.status, "CreationTime": STAMP,
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in
                           (stack.current.parameters if stack.current else {}).items()],
            "Outputs": [{"OutputKey": key, "OutputValue": value}
                        for key, value in outputs.items()]}]}

    def get_template(self, StackName, TemplateStage=""):
        return {"TemplateBody": self._existing(StackName).current.template}

    def get_template_summary(self, TemplateBody):
        declared = yaml.load(TemplateBody, TagBlind).get("Parameters", {})
        return {"Parameters": [
            {"ParameterKey": name, **({"DefaultValue": str(each["Default"])}
                                      if "Default" in each else {})}
            for name, each in declared.items()]}

    def create_change_set(self, StackName, ChangeSetName, TemplateBody, ChangeSetType,
                          Parameters=(), **_):
        stack = self.stacks.setdefault(StackName, FakeStack())
        assert (ChangeSetType == "UPDATE") == bool(stack.current), ChangeSetType
        wanted = Configured(TemplateBody, {each["ParameterKey"]: each["ParameterValue"]
                                           for each in Parameters})
        stack.change_sets[ChangeSetName] = wanted
        return {"Id": ChangeSetName}

    def describe_change_set(self, StackName, ChangeSetName, **_):
        stack = self._existing(StackName)
        if stack.change_sets[ChangeSetName] == stack.current:
            return {"Status": "FAILED", "StatusReason": "The submitted information didn't contain "
                    "changes. Submit different information to create a change set."}
        change = {"Action": "Modify" if stack.current else "Add", "LogicalResourceId": "Endpoint",
                  "ResourceType": "AWS::SageMaker::Endpoint",
                  "Replacement": "True" if "Endpoint" in self.replaced else "False"}
        return {"Status": "CREATE_COMPLETE",
                "Changes": [{"Type": "Resource", "ResourceChange": change}]}

    def delete_change_set(self, StackName, ChangeSetName):
        self._existing(StackName).change_sets.pop(ChangeSetName)
        return {}

    def execute_change_set(self, StackName, ChangeSetName, ClientRequestToken):
        stack = self._existing(StackName)
        stack.former = stack.current
        stack.current = stack.change_sets.pop(ChangeSetName)
        stack.status = "UPDATE_IN_PROGRESS" if stack.former else "CREATE_IN_PROGRESS"
        stack.token = ClientRequestToken
        stack.looks_left = LOOKS
        self._event(stack, "Endpoint", "AWS::SageMaker::Endpoint", stack.status)
        return {}

    def cancel_update_stack(self, StackName):
        stack = self._existing(StackName)
        if self.fate == "hangs":
            self._roll_back(stack, StackName, "User Initiated")
        return {}

    def delete_stack(self, StackName):
        self.stacks.pop(StackName, None)
        return {}

    def describe_stack_events(self, StackName, **_):
        return {"StackEvents": self._existing(StackName).events[::-1]}

    def _existing(self, name):
        if name not in self.stacks:
            raise LookupError(f"Stack with id {name} does not exist")
        return self.stacks[name]

    def _pass_time(self, stack, name):
        if not stack.status.endswith("_IN_PROGRESS") or stack.status == "REVIEW_IN_PROGRESS":
            return
        going_back = "ROLLBACK" in stack.status
        if self.fate in ("hangs", "hangs for ever") and not going_back:
            return
        stack.looks_left -= 1
        if stack.looks_left > 0:
            return
        if going_back:
            stack.status = stack.status.removesuffix("_IN_PROGRESS") + "_COMPLETE"
        elif self.fate == "complete":
            stack.status = stack.status.removesuffix("_IN_PROGRESS") + "_COMPLETE"
            self._event(stack, "Endpoint", "AWS::SageMaker::Endpoint", "UPDATE_COMPLETE")
        else:
            _, resource, kind, reason = self.fate
            self._event(stack, resource, kind, "UPDATE_FAILED", reason)
            self._event(stack, "Alarm", "AWS::CloudWatch::Alarm", "UPDATE_FAILED",
                        "Resource update cancelled")
            self._roll_back(stack, name, f"The following resource(s) failed to update: [{resource}].")

    def _roll_back(self, stack, name, reason):
        stack.status = "UPDATE_ROLLBACK_IN_PROGRESS" if stack.former else "ROLLBACK_IN_PROGRESS"
        stack.current = stack.former
        stack.looks_left = LOOKS
        self._event(stack, name, "AWS::CloudFormation::Stack", stack.status, reason)

    def _event(self, stack, resource, kind, status, reason=""):
        stack.events.append({"StackId": "stack", "EventId": f"event-{next(self.tokens)}",
                             "StackName": "stack", "LogicalResourceId": resource,
                             "ResourceType": kind, "ResourceStatus": status, "Timestamp": STAMP,
                             "ClientRequestToken": stack.token,
                             **({"ResourceStatusReason": reason} if reason else {})})

    # --- ECR, EC2 ---

    def batch_get_image(self, imageIds, repositoryName, **_):
        digest = imageIds[0]["imageDigest"]
        if digest not in self.images:
            return {"images": [], "failures": [{"failureCode": "ImageNotFound",
                                                "failureReason": "Requested image not found"}]}
        return {"images": [{"imageManifest": json.dumps(self.images[digest])}], "failures": []}

    def get_download_url_for_layer(self, layerDigest, **_):
        return {"downloadUrl": f"{self.url}/blobs/{layerDigest}", "layerDigest": layerDigest}

    def describe_instance_types(self, InstanceTypes):
        return {"InstanceTypes": [{"InstanceType": name, "ProcessorInfo": {
            "SupportedArchitectures": self.machines[name]}} for name in InstanceTypes]}

    # --- The endpoint ---

    def invoke(self, name, body, content_type):
        """What SageMaker does with a request: the container answers, whatever it is."""
        digest = self.stacks[name].current.parameters["ImageUri"].partition("@")[2]
        self.invocations.append(digest)
        status, _, answer = self.answer_with[digest].request(
            "POST", "/invocations", body=body, headers={"Content-Type": content_type})
        if status == 200:
            return 200, answer
        return 424, json.dumps({"OriginalStatusCode": status, "Message": answer.decode()}).encode()


class TagBlind(yaml.SafeLoader):
    """CloudFormation's !Ref and the like are of no interest here."""


TagBlind.add_multi_constructor("!", lambda loader, suffix, node: None)

CHANGING = re.compile(r"Create|Delete|Execute|Cancel|Update|Put")
QUERY_SERVICES = {"2010-05-15": "cloudformation", "2016-11-15": "ec2"}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self._reply(200, self.server.blobs[self.path.removeprefix("/blobs/")])

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if match := re.fullmatch(r"/endpoints/([^/]+)/invocations", self.path):
            self._reply(*self.server.invoke(match[1], body, self.headers["Content-Type"]))
        elif target := self.headers.get("X-Amz-Target"):
            service = self.server.models.get_service_model("ecr")
            operation = service.operation_model(target.rpartition(".")[2])
            self._reply(200, json.dumps(self._call(operation, json.loads(body))).encode())
        else:
            flat = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))
            service = self.server.models.get_service_model(QUERY_SERVICES[flat["Version"]])
            operation = service.operation_model(flat["Action"])
            try:
                answer = self._call(operation, unflatten(flat, operation.input_shape))
            except LookupError as error:
                self._reply(400, error_xml("ValidationError", error.args[0]))
                return
            self._reply(200, xml_of(operation, answer))

    def _call(self, operation, arguments):
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", operation.name).lower()
        with self.server.lock:
            if CHANGING.match(operation.name):
                self.server.calls.append((operation.name, arguments))
            return getattr(self.server, name)(**arguments)

    def _reply(self, status, content):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


def unflatten(flat, shape):
    """{"Parameters.member.1.ParameterKey": …} as the structure that it was."""
    found = {}
    for name, member in (shape.members if shape else {}).items():
        # Each level is an element's name in the query; EC2 numbers a list without "member".
        prefix = member.serialization.get("name", name) if member.type_name == "list" else name
        if member.type_name == "list":
            items = []
            for number in itertools.count(1):
                roots = [f"{prefix}.member.{number}", f"{prefix}.{number}",
                         f"{name}.member.{number}"]
                values = {key: value for key, value in flat.items() for root in roots
                          if key == root or key.startswith(root + ".")}
                if not values:
                    break
                if member.member.type_name == "structure":
                    root = next(r for r in roots if any(k.startswith(r + ".") for k in values))
                    inner = {key[len(root) + 1:]: value for key, value in values.items()}
                    items.append(unflatten(inner, member.member))
                else:
                    items.append(next(iter(values.values())))
            if items:
                found[name] = items
        elif name in flat:
            found[name] = flat[name]
    return found


def xml_of(operation, answer):
    """An answer in the XML of the query and EC2 protocols."""
    shape = operation.output_shape
    inside = elements(shape, answer) if shape else ""
    if wrapper := (shape.serialization.get("resultWrapper") if shape else None):
        inside = f"<{wrapper}>{inside}</{wrapper}>"
    return f"<{operation.name}Response>{inside}</{operation.name}Response>".encode()


def elements(shape, value):
    if shape.type_name == "structure":
        return "".join(f"<{tag}>{elements(shape.members[name], each)}</{tag}>"
                       for name, each in value.items()
                       for tag in [shape.members[name].serialization.get("name", name)])
    if shape.type_name == "list":
        tag = shape.member.serialization.get("name", "member")
        return "".join(f"<{tag}>{elements(shape.member, each)}</{tag}>" for each in value)
    return xml.sax.saxutils.escape(str(value))


def error_xml(code, message):
    return (f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>"
            f"{xml.sax.saxutils.escape(message)}</Message></Error></ErrorResponse>").encode()
