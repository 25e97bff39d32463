"""The shapes of a JSON Schema (draft 2020-12): the types, values, formats, fields and items that it allows. Pure.

Only this package reads the shapes of schemas. Filters use it to find the comparisons that a path allows, and two versions
of a schema are compared by their shapes. Shapes keep the titles, defaults and examples that a form needs. `SchemaDocument`
turns a schema into *shapes*: alternatives without references and combinations. Every valid value has at least one of them.

A schema is read generously: a shape may allow values that the schema rules out, never the reverse. Limits of size and number
(``minimum``, ``maxLength``, ``contains``, ``propertyNames``…) are not read. There is one exception: an object that lists
its properties and does not mention others is taken to have no others (`Shape.has_other_fields`).
"""
