"""The API's answer to an action says all that `lead-decisions` says."""

from models.public import LeadDecision
from web.schemas import Answer


def test_x4_an_answer_of_the_engine_fits_into_the_apis() -> None:
    assert set(LeadDecision.__struct_fields__) <= set(Answer.model_fields)
