#!/usr/bin/env bash
# Configures and builds native/ into the folder given. Called by the build of NanoVlm.Torch.
# Usage: native/build.sh [BUILD_DIR]
set -euo pipefail
source_dir="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
build_dir="${1:-$source_dir/build}"

for tool in cmake c++; do
    command -v "$tool" > /dev/null || { echo "error: '$tool' was not found; on Debian: apt-get install cmake g++ ninja-build" >&2; exit 1; }
done

# libtorch: LIBTORCH=DIR (unzipped libtorch or a wheel's torch folder), LIBTORCH=python (the wheel of
# the python3 on PATH), otherwise the system's (libtorch-dev).
prefix="${LIBTORCH:-}"
if [ "$prefix" = python ]; then
    prefix="$(python3 -c 'import os, torch; print(os.path.dirname(torch.__file__))' 2> /dev/null)" ||
        { echo "error: LIBTORCH=python, but python3 cannot import torch" >&2; exit 1; }
fi
if [ -n "$prefix" ] && [ ! -f "$prefix/include/torch/script.h" ] && [ ! -f "$prefix/include/ATen/ATen.h" ]; then
    echo "error: LIBTORCH=$prefix has no include/ATen/ATen.h; point it at an unzipped libtorch or a torch package folder" >&2
    exit 1
fi
if [ -z "$prefix" ] && [ ! -f /usr/include/ATen/ATen.h ]; then
    echo "error: libtorch was not found; on Debian: apt-get install libtorch-dev libopenblas0-pthread, elsewhere set LIBTORCH to an unzipped libtorch" >&2
    exit 1
fi

generator=()
command -v ninja > /dev/null && generator=(-G Ninja)
mkdir -p "$build_dir"
cmake -S "$source_dir" -B "$build_dir" "${generator[@]}" -DCMAKE_BUILD_TYPE=Release -DLIBTORCH="$prefix" > "$build_dir/configure.log" 2>&1 ||
    { grep -A3 -i 'error' "$build_dir/configure.log" >&2; echo "error: cmake could not configure native/ (see $build_dir/configure.log)" >&2; exit 1; }
cmake --build "$build_dir" --parallel
