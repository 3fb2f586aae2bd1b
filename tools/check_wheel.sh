#!/bin/sh
# Builds the wheel and uses it as a stranger would: check_wheel.sh PYTHON
#
# It has to be pure, install without any dependency, import in isolation, and bring the conformance kit along.
set -eu

run=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$run" -m venv "$work/build"
"$work/build/bin/python" -m pip install --quiet build
"$work/build/bin/python" -m build --outdir "$work/dist" . >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }

wheel=$(ls "$work"/dist/*.whl)
case $wheel in
    *-py3-none-any.whl) ;;
    *) echo "not a pure wheel: $wheel" >&2; exit 1 ;;
esac

"$run" -m venv "$work/use"
use=$work/use/bin/python
"$use" -m pip install --quiet --no-index --no-deps "$wheel"
"$use" -m pip check >/dev/null
"$use" -I -c 'import unitls; print("wheel: unitls", unitls.__version__, "imports with no dependency")'
"$use" -I -m unitls backends >/dev/null

"$use" -m pip install --quiet pytest
mkdir "$work/empty"
cd "$work/empty"
"$use" -m pytest -q --pyargs unitls.testing --tls-backend "$("$use" -I -c 'import unitls; print(unitls.get_backend().name)')"
