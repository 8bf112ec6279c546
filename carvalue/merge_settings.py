"""
The settings of how the photos' answers are merged, and what is decided from which confidence on.
"""

from pydantic import BaseModel, ConfigDict, Field

from carvalue.core.identification import DEFAULT_RULE, MergeRule


class MergeSettings(BaseModel):
    """How answers are merged and what is decided; `carvalue evaluate --fit` finds the weights."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    front_weight: float = Field(
        DEFAULT_RULE.front_weight, gt=0, le=2, description="How much the front photo counts."
    )
    back_weight: float = Field(
        DEFAULT_RULE.back_weight, gt=0, le=2, description="How much the back photo counts."
    )
    vocabulary: int = Field(
        DEFAULT_RULE.vocabulary,
        ge=1,
        le=100_000,
        description="How many cars the categorizer can name.",
    )
    temperature: float = Field(
        DEFAULT_RULE.temperature,
        gt=0.1,
        le=10,
        description="Above 1 the categorizer is believed less than it says.",
    )
    accept_from: float = Field(
        DEFAULT_RULE.accept_from,
        gt=0,
        le=1,
        description="Confidence from which on a car may be accepted without asking.",
    )
    retake_below: float = Field(
        DEFAULT_RULE.retake_below,
        ge=0,
        lt=1,
        description="Confidence below which better photos are asked for.",
    )
    conflict_from: float = Field(
        DEFAULT_RULE.conflict_from,
        gt=0,
        le=1,
        description="Confidence from which on photos of different cars contradict each other.",
    )
    suggest_from: float = Field(
        DEFAULT_RULE.suggest_from,
        gt=0,
        le=1,
        description="Confidence from which on a candidate is suggested.",
    )
    suggest_at_least: int = Field(
        DEFAULT_RULE.suggest_at_least,
        ge=1,
        le=20,
        description="How many candidates are suggested in any case.",
    )

    def rule(self) -> MergeRule:
        return MergeRule(**self.model_dump())
