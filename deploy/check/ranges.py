# SPDX-License-Identifier: Apache-2.0
"""Names and ranges that AWS states in words only, not in botocore's models.

Each row is (lowest, highest) of a number, or the set of permitted words.
"""

BOOLEAN = {"true", "false"}

TARGET_GROUP_ATTRIBUTES = {
    "deregistration_delay.timeout_seconds": (0, 3600),
    "slow_start.duration_seconds": (0, 900),
    "stickiness.enabled": BOOLEAN,
    "load_balancing.algorithm.type": {"round_robin", "least_outstanding_requests",
                                      "weighted_random"},
    "load_balancing.algorithm.anomaly_mitigation": {"on", "off"},
}
LOAD_BALANCER_ATTRIBUTES = {
    "idle_timeout.timeout_seconds": (1, 4000),
    "client_keep_alive.seconds": (60, 604800),
    "routing.http.drop_invalid_header_fields.enabled": BOOLEAN,
    "routing.http.desync_mitigation_mode": {"monitor", "defensive", "strictest"},
    "routing.http2.enabled": BOOLEAN,
    "deletion_protection.enabled": BOOLEAN,
    "access_logs.s3.enabled": BOOLEAN,
    "access_logs.s3.bucket": None,
    "access_logs.s3.prefix": None,
}
CONTAINER_HEALTH = {"Interval": (5, 300), "Timeout": (2, 60), "Retries": (1, 10),
                    "StartPeriod": (0, 300)}
STOP_TIMEOUT = (2, 120)
FARGATE_MEMORY = {"256": (512, 2048), "512": (1024, 4096), "1024": (2048, 8192),
                  "2048": (4096, 16384), "4096": (8192, 30720), "8192": (16384, 61440),
                  "16384": (32768, 122880)}
RETENTION_DAYS = {str(days) for days in (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545,
                                         731, 1827, 2192, 2557, 2922, 3288, 3653)}

_PROCESS = {
    "Port": (1, 65535), "Protocol": {"HTTP", "HTTPS"}, "HealthCheckPath": None,
    "HealthCheckInterval": (5, 300), "HealthCheckTimeout": (1, 60),
    "HealthyThresholdCount": (2, 10), "UnhealthyThresholdCount": (2, 10),
    "MatcherHTTPCode": (200, 499), "DeregistrationDelay": (0, 3600),
    "StickinessEnabled": BOOLEAN}
_LISTENER = {"ListenerEnabled": BOOLEAN, "Protocol": {"HTTP", "HTTPS"}, "DefaultProcess": None,
             "Rules": None, "SSLCertificateArns": None, "SSLPolicy": None}
_LOGS = {"DeleteOnTerminate": BOOLEAN, "RetentionInDays": RETENTION_DAYS}
BEANSTALK = {
    "aws:elasticbeanstalk:environment": {
        "EnvironmentType": {"SingleInstance", "LoadBalanced"},
        "LoadBalancerType": {"classic", "application", "network"},
        "LoadBalancerIsShared": BOOLEAN, "ServiceRole": None},
    "aws:elasticbeanstalk:environment:proxy": {"ProxyServer": {"nginx", "none"}},
    "aws:elasticbeanstalk:environment:process:default": _PROCESS,
    "aws:elbv2:loadbalancer": {"IdleTimeout": (1, 3600), "AccessLogsS3Enabled": BOOLEAN,
                               "AccessLogsS3Bucket": None, "AccessLogsS3Prefix": None},
    "aws:elbv2:listener:default": _LISTENER,
    "aws:elbv2:listener:443": _LISTENER,
    "aws:autoscaling:asg": {"MinSize": (1, 10000), "MaxSize": (1, 10000), "Cooldown": (0, 10000),
                            "EnableCapacityRebalancing": BOOLEAN},
    "aws:ec2:instances": {"InstanceTypes": None, "SupportedArchitectures": {"arm64", "x86_64"},
                          "EnableSpot": BOOLEAN},
    "aws:autoscaling:launchconfiguration": {
        "IamInstanceProfile": None, "DisableIMDSv1": BOOLEAN,
        "RootVolumeType": {"gp2", "gp3", "io1", "standard"}, "RootVolumeSize": (8, 16384),
        "MonitoringInterval": {"1 minute", "5 minute"}},
    "aws:autoscaling:trigger": {
        "MeasureName": {"NetworkIn", "NetworkOut", "CPUUtilization", "Latency", "RequestCount",
                        "HealthyHostCount", "TargetResponseTime"},
        "Statistic": {"Minimum", "Maximum", "Sum", "Average"},
        "Unit": {"Seconds", "Percent", "Bytes", "Count", "None"},
        "Period": (1, 1440), "BreachDuration": (1, 1440), "EvaluationPeriods": (1, 1440),
        "UpperThreshold": (0, 20000000), "LowerThreshold": (0, 20000000),
        "UpperBreachScaleIncrement": None, "LowerBreachScaleIncrement": None},
    "aws:elasticbeanstalk:command": {
        "DeploymentPolicy": {"AllAtOnce", "Rolling", "RollingWithAdditionalBatch", "Immutable",
                             "TrafficSplitting"},
        "Timeout": (1, 3600), "BatchSizeType": {"Percentage", "Fixed"}, "BatchSize": (1, 10000),
        "IgnoreHealthCheck": BOOLEAN},
    "aws:elasticbeanstalk:trafficsplitting": {"NewVersionPercent": (1, 100),
                                              "EvaluationTime": (3, 600)},
    "aws:autoscaling:updatepolicy:rollingupdate": {
        "RollingUpdateEnabled": BOOLEAN, "RollingUpdateType": {"Time", "Health", "Immutable"},
        "PauseTime": None, "Timeout": None, "MinInstancesInService": None, "MaxBatchSize": None},
    "aws:elasticbeanstalk:healthreporting:system": {
        "SystemType": {"basic", "enhanced"}, "ConfigDocument": None,
        "HealthCheckSuccessThreshold": {"Ok", "Warning", "Degraded", "Severe"}},
    "aws:elasticbeanstalk:cloudwatch:logs": {"StreamLogs": BOOLEAN, **_LOGS},
    "aws:elasticbeanstalk:cloudwatch:logs:health": {"HealthStreamingEnabled": BOOLEAN, **_LOGS},
    "aws:elasticbeanstalk:managedactions": {"ManagedActionsEnabled": BOOLEAN,
                                            "PreferredStartTime": None,
                                            "ServiceRoleForManagedUpdates": None},
    "aws:elasticbeanstalk:managedactions:platformupdate": {"UpdateLevel": {"patch", "minor"},
                                                           "InstanceRefreshEnabled": BOOLEAN},
    "aws:ec2:vpc": {"VPCId": None, "Subnets": None, "ELBSubnets": None,
                    "ELBScheme": {"public", "internal"}, "AssociatePublicIpAddress": BOOLEAN},
    "aws:elasticbeanstalk:application:environment": None,  # Any variable.
}


def problem(name: str, value: object, permitted: tuple[float, float] | set[str] | None) -> str | None:
    """What is wrong with a value, or None."""
    if permitted is None:
        return None
    if isinstance(permitted, set):
        return None if str(value) in permitted else f"{name} is {value}, not of {sorted(permitted)}"
    try:
        fits = permitted[0] <= float(str(value)) <= permitted[1]
    except ValueError:
        return f"{name} is {value}, no number"
    return None if fits else f"{name} is {value}, not from {permitted[0]} to {permitted[1]}"
