"""JSON of plugins' values, including SQLAlchemy's rows."""

import pytest
import sqlalchemy as sa

from trunkline.runtime import json_text

NOTES = sa.Table(
    "notes", sa.MetaData(), sa.Column("id", sa.Integer), sa.Column(sa.quoted_name("Text", True), sa.Text)
)


def test_a_row_made_into_a_dict_is_json_though_its_keys_are_of_a_subclass_of_text():
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        NOTES.create(connection)
        connection.execute(NOTES.insert().values(id=1, Text="hello"))
        row = connection.execute(sa.select(NOTES)).one()
    engine.dispose()
    found = {sa.quoted_name(name, None): value for name, value in row._mapping.items()}
    assert {type(name) for name in found} == {sa.quoted_name}
    assert json_text.dumps({"items": [found]}) == b'{"items":[{"id":1,"Text":"hello"}]}'


@pytest.mark.parametrize(
    "value", [{1: "a"}, {"a": {None: 1}}, [{sa.quoted_name("a", None): {2: 1}}], {"a": object()}]
)
def test_what_is_no_json_data_is_still_refused(value):
    with pytest.raises(TypeError):
        json_text.dumps(value)
