# SPDX-License-Identifier: Apache-2.0
"""A CloudFormation stack: its changes, the wait for their end, and why they failed."""

import dataclasses
import json
import time
import uuid
from typing import Any

import botocore.exceptions

from deploy.rollout.outcome import Refused, report

# A stack in these takes no update; what helps is beside it.
UNUSABLE = {
    "CREATE_FAILED": "delete it: python3 -m deploy.rollout down",
    "ROLLBACK_FAILED": "delete it: python3 -m deploy.rollout down",
    "DELETE_FAILED": "delete it again: python3 -m deploy.rollout down",
    "UPDATE_ROLLBACK_FAILED": "see its events; then aws cloudformation continue-update-rollback",
    "UPDATE_FAILED": "see its events; then aws cloudformation rollback-stack",
}
# Their replacement takes the endpoint away for a time.
CARRIES_THE_ENDPOINT = {"AWS::SageMaker::Endpoint", "AWS::ECS::Service",
                        "AWS::ElasticBeanstalk::Environment",
                        "AWS::ElasticLoadBalancingV2::LoadBalancer",
                        "AWS::AutoScaling::AutoScalingGroup"}
NO_CHANGES = ("didn't contain changes", "No updates are to be performed")
TRIGGERS_MAX = 5  # What CloudFormation watches at one time.


@dataclasses.dataclass(frozen=True)
class Configuration:
    """What a stack was made from: enough to go back to it."""

    template: str
    parameters: dict[str, str]


@dataclasses.dataclass(frozen=True)
class State:
    status: str  # CloudFormation's word, or "" where there is no stack.
    reason: str
    parameters: dict[str, str]
    outputs: dict[str, str]

    @property
    def exists(self) -> bool:
        return self.status not in ("", "REVIEW_IN_PROGRESS", "DELETE_COMPLETE")

    @property
    def busy(self) -> bool:
        return self.status.endswith("_IN_PROGRESS") and self.status != "REVIEW_IN_PROGRESS"


class Stack:
    def __init__(self, cloudformation: Any, name: str, poll_s: float = 5.0):
        self._api = cloudformation
        self.name = name
        self._poll_s = poll_s

    def state(self) -> State:
        try:
            found = self._api.describe_stacks(StackName=self.name)["Stacks"][0]
        except botocore.exceptions.ClientError as error:
            if "does not exist" in str(error):
                return State("", "", {}, {})
            raise
        return State(found["StackStatus"], found.get("StackStatusReason", ""),
                     {each["ParameterKey"]: each.get("ParameterValue", "")
                      for each in found.get("Parameters", [])},
                     {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])})

    def check_usable(self) -> State:
        """The state of a stack that can be changed now. One that never came to be is removed."""
        state = self.state()
        if state.busy:
            raise Refused(f"stack {self.name} is {state.status}: wait until that has ended")
        if state.status in UNUSABLE:
            raise Refused(f"stack {self.name} is {state.status}: {UNUSABLE[state.status]}")
        if state.status == "ROLLBACK_COMPLETE":  # Its creation failed; it holds nothing any more.
            report(f"stack {self.name} could not be created before: removing what is left of it")
            self.delete(600)
            return self.state()
        return state

    def configuration(self) -> Configuration:
        body = self._api.get_template(StackName=self.name, TemplateStage="Original")["TemplateBody"]
        text = body if isinstance(body, str) else json.dumps(body)  # JSON comes parsed.
        return Configuration(text, self.state().parameters)

    def parameters_of(self, template: str) -> dict[str, str]:
        """Every parameter of a template with its default, "" where it has none."""
        summary = self._api.get_template_summary(TemplateBody=template)
        return {each["ParameterKey"]: each.get("DefaultValue", "")
                for each in summary["Parameters"]}

    # --- Changes ---

    def propose(self, wanted: Configuration) -> str | None:
        """Makes a change set and shows it; its name, or None where nothing would change."""
        state = self.state()
        name = f"holdfast-{uuid.uuid4().hex[:12]}"
        self._api.create_change_set(
            StackName=self.name, ChangeSetName=name, TemplateBody=wanted.template,
            ChangeSetType="UPDATE" if state.exists else "CREATE",
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[{"ParameterKey": key, "ParameterValue": value}
                        for key, value in sorted(wanted.parameters.items())],
            RollbackConfiguration=self._triggers(state))
        found = self._await_change_set(name)
        if found["Status"] == "FAILED":
            self.withdraw(name)
            reason = found.get("StatusReason", "")
            if any(words in reason for words in NO_CHANGES):
                return None
            raise Refused(f"CloudFormation refuses the change: {reason}")
        for change in self._changes(name, found):
            replaced = ", replaced" if change.get("Replacement") == "True" else ""
            report(f"  {change['Action'].lower()} {change['LogicalResourceId']} "
                   f"({change['ResourceType']}){replaced}")
        return name

    def interruptions(self, change_set: str) -> list[str]:
        """What a change set would replace although requests go through it."""
        found = self._api.describe_change_set(StackName=self.name, ChangeSetName=change_set)
        return [change["LogicalResourceId"] for change in self._changes(change_set, found)
                if change.get("Replacement") == "True" and
                change["ResourceType"] in CARRIES_THE_ENDPOINT]

    def withdraw(self, change_set: str) -> None:
        """Removes a change set, and the empty stack that one for a new stack leaves."""
        self._api.delete_change_set(StackName=self.name, ChangeSetName=change_set)
        if self.state().status == "REVIEW_IN_PROGRESS":
            self._api.delete_stack(StackName=self.name)

    def execute(self, change_set: str) -> str:
        """Begins the change; gives the token that its events bear."""
        token = uuid.uuid4().hex
        self._api.execute_change_set(StackName=self.name, ChangeSetName=change_set,
                                     ClientRequestToken=token)
        return token

    def await_end(self, seconds: float) -> State | None:
        """The state in which the stack comes to rest, or None if it has not by then."""
        deadline = time.monotonic() + seconds
        told = ""
        while True:
            try:
                state = self.state()
                status = state.status or "gone"
            except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
                state, status = None, f"no answer: {error}"  # The change goes on without us.
            if status != told:
                report(f"  {self.name}: {status}")
                told = status
            if state and not state.busy:
                return state
            if time.monotonic() >= deadline:
                return None
            time.sleep(min(self._poll_s, max(0.0, deadline - time.monotonic())))

    def cancel(self) -> None:
        """Has CloudFormation undo an update that is still under way."""
        try:
            self._api.cancel_update_stack(StackName=self.name)
        except botocore.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "ValidationError":
                raise
            report(f"  not cancelled, it has moved on: {error.response['Error']['Message']}")

    def delete(self, seconds: float) -> State | None:
        self._api.delete_stack(StackName=self.name)
        return self.await_end(seconds)

    # --- Why ---

    def cause(self, token: str) -> str:
        """The first failure among the events of one change: what all others follow from."""
        failures = [event for event in self._events(token)
                    if event["ResourceStatus"].endswith("_FAILED") and
                    "cancelled" not in event.get("ResourceStatusReason", "")]
        if failures:
            first = failures[0]
            return (f"{first['LogicalResourceId']} ({first['ResourceType']}): "
                    f"{first.get('ResourceStatusReason', first['ResourceStatus'])}")
        said = [event["ResourceStatusReason"] for event in self._events(token)
                if "ROLLBACK" in event["ResourceStatus"] and event.get("ResourceStatusReason")]
        return said[0] if said else "CloudFormation gives no reason"

    def unfinished(self, token: str) -> str:
        """The resources that a change still waits for."""
        last: dict[str, str] = {}
        for event in self._events(token):
            last[event["LogicalResourceId"]] = event["ResourceStatus"]
        waiting = [name for name, status in last.items()
                   if status.endswith("_IN_PROGRESS") and name != self.name]
        return ", ".join(sorted(waiting)) or self.name

    def _events(self, token: str) -> list[dict[str, Any]]:
        """Oldest first."""
        pages = self._api.get_paginator("describe_stack_events").paginate(StackName=self.name)
        found = [event for page in pages for event in page["StackEvents"]
                 if event.get("ClientRequestToken") == token]
        return found[::-1]

    def _await_change_set(self, name: str, seconds: float = 300) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while True:
            found = self._api.describe_change_set(StackName=self.name, ChangeSetName=name)
            if found["Status"] in ("CREATE_COMPLETE", "FAILED"):
                return found
            if time.monotonic() >= deadline:
                self.withdraw(name)
                raise Refused(f"change set {name} is {found['Status']} for {seconds:.0f} s")
            time.sleep(self._poll_s)

    def _changes(self, name: str, found: dict[str, Any]) -> list[dict[str, Any]]:
        changes = list(found.get("Changes", []))
        while token := found.get("NextToken"):
            found = self._api.describe_change_set(StackName=self.name, ChangeSetName=name,
                                                  NextToken=token)
            changes += found.get("Changes", [])
        return [change["ResourceChange"] for change in changes if "ResourceChange" in change]

    def _triggers(self, state: State) -> dict[str, Any]:
        """The alarms that the stack names: one that goes off undoes the update."""
        alarms = [arn for arn in state.outputs.get("RollbackAlarms", "").split(",") if arn]
        if not alarms:
            return {}
        return {"MonitoringTimeInMinutes": 5,
                "RollbackTriggers": [{"Arn": arn, "Type": "AWS::CloudWatch::Alarm"}
                                     for arn in alarms[:TRIGGERS_MAX]]}
