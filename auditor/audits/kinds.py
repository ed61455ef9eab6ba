"""The table of kinds of audits: the one place that lists them.

A new kind is a folder with its plan, its records, its document and its command, and a row here.
Nothing is imported before it is needed.
"""

from __future__ import annotations

from auditor.evidence.kinds import Kind

KINDS: tuple[Kind, ...] = (
    Kind(
        name="inheritance",
        plan="auditor.audits.inheritance.plan:Plan",
        sections={
            "sequential": "auditor.audits.inheritance.records:SequentialSection",
            "self_description": "auditor.audits.inheritance.records:SelfDescriptionSection",
        },
        arranged={
            "self_description": "auditor.audits.inheritance.document:says",
            "sequential": "auditor.audits.inheritance.document:sections",
        },
        glance="auditor.audits.inheritance.glance:glance",
        files=("base.jsonl", "scores.jsonl"),
        unasked=("self_description",),
        rescored="auditor.audits.inheritance.rescored:rescored",
        run="auditor.audits.inheritance.audit:run",
        shares=True,
    ),
    Kind(
        name="lineage",
        plan="auditor.audits.lineage.plan:LineagePlan",
        sections={"lineage": "auditor.audits.lineage.records:LineageSection"},
        arranged={"lineage": "auditor.audits.lineage.document:sections"},
        glance="auditor.audits.lineage.glance:glance",
        rescored="auditor.audits.lineage.rescored:rescored",
        run="auditor.audits.lineage.report:lineage_audit",
    ),
    Kind(
        name="service",
        plan="auditor.audits.service.plan:ServicePlan",
        sections={"service": "auditor.audits.service.records:ServiceSection"},
        arranged={"service": "auditor.audits.service.document:sections"},
        glance="auditor.audits.service.glance:glance",
        run="auditor.audits.service.audit:service_audit",
        examined="endpoint",
        files=(
            "reference.jsonl",
            "scores.jsonl",
            "identification.jsonl",
            "reference-identification.jsonl",
        ),
        rescored="auditor.audits.service.rescored:rescored",
    ),
    Kind(
        name="policy",
        plan="auditor.audits.policy.plan:PolicyPlan",
        glance="auditor.audits.policy.glance:glance",
        run="auditor.audits.policy.audit:policy_audit",
        examined="hosted",
        files=("local.jsonl", "also.jsonl"),
        rescored="auditor.audits.policy.rescored:rescored",
    ),
    Kind(
        name="plants",
        plan="auditor.audits.plants.plan:PlantTestPlan",
        sections={"plant": "auditor.audits.plants.records:PlantSection"},
        arranged={"plant": "auditor.audits.plants.document:sections"},
        glance="auditor.audits.plants.glance:glance",
        run="auditor.audits.plants.audit:planted_audit",
        files=("base.jsonl", "choices.json"),
        rescored="auditor.audits.plants.rescored:rescored",
    ),
    Kind(
        name="shadow",
        plan="auditor.audits.shadow.plan:ShadowPlan",
        rescored="auditor.audits.shadow.rescored:rescored",
    ),
    Kind(
        name="harvest",
        plan="auditor.audits.harvest.plan:HarvestPlan",
        sections={"harvest": "auditor.audits.harvest.records:HarvestSection"},
        arranged={"harvest": "auditor.audits.harvest.document:sections"},
        glance="auditor.audits.harvest.glance:glance",
        run="auditor.audits.harvest.audit:harvest_audit",
        files=(
            "base.jsonl",
            "base-samples.jsonl",
            "samples.jsonl",
            "scores.jsonl",
            *(f"innocent-{i}{more}.jsonl" for i in range(1, 9) for more in ("", "-samples")),
        ),
        rescored="auditor.audits.harvest.rescored:rescored",
    ),
)
