# shellcheck shell=bash
# Shared by the scripts of this folder (sourced, not run).
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."

# make_venv: .venv with the build's tools, made once.
make_venv() {
  if [[ ! -x .venv/bin/python ]]; then
    "${PYTHON:-python3}" -m venv .venv
  fi
  .venv/bin/pip install -q --disable-pip-version-check 'scikit-build-core>=0.10' 'pybind11>=2.12'
}

# install_package <what> [pip option]...: builds and installs this tree into .venv. Without build isolation, so that a second build in
# the same directory compiles only what changed.
install_package() {
  local what=$1
  shift
  .venv/bin/pip install -q --disable-pip-version-check --no-build-isolation "$@" "$what"
}
