"""tables.py DRIVER QUERY_PYTHON SCHEMA -- the tables beside the published models, row by row."""
import json
import re
import subprocess
import sys

from driver import Checks, Driver, service_model

# The service model of another botocore, as plain JSON.
OTHER = """
import json, botocore.loaders
print(json.dumps(botocore.loaders.Loader().load_service_model("sqs", "service-2")))
"""
SCALARS = {"string": "string", "integer": "integer", "long": "long", "boolean": "boolean", "blob": "blob"}


def shape_kind(shape):
    """The name of our shape for one of botocore's."""
    if shape.type_name == "list":
        return "structures" if shape.member.type_name == "structure" else "strings"
    if shape.type_name == "map":
        return "attributes" if shape.value.type_name == "structure" else "string map"
    return SCALARS[shape.type_name]


def compare_members(checks, where, ours, shape):
    """Names, shapes and required members; lists of structures with all that is in them."""
    if shape is None or not shape.members:
        checks.equal(f"{where}: has no members", ours, None)
        return
    checks.equal(f"{where}: members", sorted(ours or {}), sorted(shape.members))
    for name, member in shape.members.items():
        if name not in (ours or {}):
            continue
        row = ours[name]
        checks.equal(f"{where}.{name}: shape", row["shape"], shape_kind(member))
        checks.equal(f"{where}.{name}: required", row["required"], name in shape.required_members)
        if row["shape"] == "structures":
            compare_members(checks, f"{where}.{name}", row["members"], member.member)


def compare_today(checks, ours, model):
    checks.equal("operations", sorted(ours["operations"]), sorted(model.operation_names))
    for name in model.operation_names:
        operation = model.operation_model(name)
        row = ours["operations"].get(name, {})
        compare_members(checks, f"{name} in", row.get("input"), operation.input_shape)
        compare_members(checks, f"{name} out", row.get("output"), operation.output_shape)
        checks.equal(f"{name}: errors", sorted(row.get("errors", [])), sorted(s.name for s in operation.error_shapes))
    checks.equal("errors of the model", sorted(n for n, row in ours["errors"].items() if row["model"]),
                 sorted(s.name for s in model.error_shapes))


def element(model, member, name):
    """What the Query edition calls the elements of a member: its name, and those of a map's key and value."""
    shape = model["shapes"][member["shape"]]
    if shape["type"] == "list":
        return shape["member"].get("locationName", name), None, None
    if shape["type"] == "map":
        own = member.get("locationName") or shape.get("locationName") or name
        return own, shape["key"]["locationName"], shape["value"]["locationName"]
    return None, None, None


def compare_query_members(checks, where, ours, model, shape_name):
    for name, member in model["shapes"][shape_name].get("members", {}).items():
        row = (ours or {}).get(name, {})
        checks.equal(f"{where}.{name}: names in the Query protocol",
                     tuple(row.get(key) for key in ("query_name", "key_name", "value_name")),
                     element(model, member, name))
        if row.get("members"):
            inner = model["shapes"][member["shape"]]["member"]["shape"]
            compare_query_members(checks, f"{where}.{name}", row["members"], model, inner)


def compare_query(checks, ours, model):
    for name, operation in model["operations"].items():
        for side in ("input", "output"):
            if side in operation:
                compare_query_members(checks, f"{name} {side}", ours["operations"][name][side], model,
                                      operation[side]["shape"])
                if side == "output":
                    checks.equal(f"{name}: result", f"{name}Result", operation[side]["resultWrapper"])
    for name, shape in model["shapes"].items():
        if "error" in shape:
            row = ours["errors"][name]
            checks.equal(f"{name}: code, status, whose fault", (row["code"], row["status"], row["sender"]),
                         (shape["error"]["code"], shape["error"]["httpStatusCode"], shape["error"]["senderFault"]))


def split(text):
    """The elements of a JavaScript array's inside."""
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += (c in "[{(") - (c in "]})")
        if c == "," and depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
    return parts + [text[start:].strip()]


def read_schema(text):
    """The errors' traits and the structures' (member: xmlName) of the JavaScript SDK."""
    constants = dict(re.findall(r'^const (_\w+) = "(.*?)";$', text, re.M))
    errors = {name: traits for name, traits in re.findall(r"^var (\w+)\$ = \[-3, n0, _\w+,\s*\{(.*?)\},$", text, re.M)}
    structures = {}
    for name, names, types in re.findall(r"^var (\w+)\$ = \[3, n0, _\w+,\n.*\n    \[(.*)\],\n    \[(.*)\](?:, \d+)?\n\];$",
                                         text, re.M):
        found = [re.search(r"\[_xN\]: (_\w+)", part) for part in split(types)]
        structures[name] = {constants[member]: constants[xml.group(1)] if xml else None
                            for member, xml in zip(split(names), found)}
    return errors, structures


def compare_schema_members(checks, where, ours, structures, shape):
    checks.equal(f"{where}: in the schema", shape.name in structures, True)
    for name, xml_name in structures.get(shape.name, {}).items():
        row = ours[name]
        checks.equal(f"{where}.{name}: xmlName", row["query_name"], xml_name)
        if row["members"]:
            compare_schema_members(checks, f"{where}.{name}", row["members"], structures, shape.members[name].member)


def compare_schema(checks, ours, model, text):
    errors, structures = read_schema(text)
    checks.equal("errors of the schema", sorted(errors), sorted(n for n, row in ours["errors"].items() if row["model"]))
    for name, traits in errors.items():
        row = ours["errors"][name]
        code = re.search(r"\[_aQE\]: \[`(.*?)`, (\d+)\]", traits)
        status = re.search(r"\[_hE\]: (\d+)", traits)
        checks.equal(f"{name}: code and status", (row["code"], row["status"]),
                     (code.group(1) if code else name, int(status.group(1)) if status else 400))
        checks.equal(f"{name}: is the sender's fault", row["sender"], "[_e]: _c" in traits)
    for name in model.operation_names:
        operation = model.operation_model(name)
        for side, shape in (("input", operation.input_shape), ("output", operation.output_shape)):
            if shape is not None and shape.members:
                compare_schema_members(checks, f"{name} {side}", ours["operations"][name][side], structures, shape)


def main():
    program, query_python, schema = sys.argv[1:]
    checks = Checks("tables")
    ours = Driver(program).ask("model")
    model = service_model()
    other = subprocess.run([query_python, "-c", OTHER], check=True, stdout=subprocess.PIPE, text=True).stdout
    compare_today(checks, ours, model)
    compare_query(checks, ours, json.loads(other))
    with open(schema, encoding="utf-8") as file:
        compare_schema(checks, ours, model, file.read())
    checks.end()


main()
