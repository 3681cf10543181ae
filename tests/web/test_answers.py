"""The API's answer to an action says all that `lead-decisions` says."""

from models.public import LeadDecision
from web.schemas import Answer


def test_x4_an_answer_of_the_engine_fits_into_the_apis() -> None:
    fields = set(LeadDecision.__struct_fields__) - {"org"}  # an answer is only for people of its org
    assert fields <= set(Answer.model_fields)
