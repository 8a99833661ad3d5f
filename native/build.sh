#!/usr/bin/env bash
# Builds native/ into the folder given, incrementally. Called by the build of NanoVlm.Torch.
# Says nothing when all is well; otherwise only what is wrong, on standard error.
# Usage: [LIBTORCH=DIR|python] native/build.sh [BUILD_DIR]
set -euo pipefail
source_dir="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
build_dir="${1:-$source_dir/build}"

packages="cmake g++ ninja-build libtorch-dev libopenblas0-pthread libgloo-dev"

fail() {
    echo "$1" >&2
    exit 1
}

# libtorch: LIBTORCH=DIR (an unzipped libtorch or a wheel's torch folder), LIBTORCH=python (the wheel
# of the python3 on PATH), otherwise the system's (libtorch-dev).
libtorch="${LIBTORCH:-}"
if [ "$libtorch" = python ]; then
    libtorch="$(python3 -c 'import os, torch; print(os.path.dirname(torch.__file__))' 2> /dev/null)" ||
        fail "LIBTORCH=python, but python3 cannot import torch; install the torch wheel or set LIBTORCH to an unzipped libtorch"
fi
if [ -n "$libtorch" ]; then
    [ -f "$libtorch/include/ATen/ATen.h" ] ||
        fail "LIBTORCH=$libtorch has no include/ATen/ATen.h; set it to an unzipped libtorch or to a torch package folder"
    libtorch="$(cd "$libtorch" && pwd)"
elif [ ! -f /usr/include/ATen/ATen.h ] && [ ! -f /usr/local/include/ATen/ATen.h ]; then
    fail "libtorch was not found; on Debian: apt-get install $packages; elsewhere set LIBTORCH to an unzipped libtorch (https://pytorch.org/get-started/locally)"
fi
for tool in cmake c++; do
    command -v "$tool" > /dev/null || fail "'$tool' was not found; on Debian: apt-get install $packages"
done

# One build at a time: several projects may be built at once.
exec 9< "$source_dir/CMakeLists.txt"
flock 9

# Configure again when something that CMake caches is another: libtorch, the generator, or the folder itself.
generator="Unix Makefiles"
command -v ninja > /dev/null && generator=Ninja
choice="$source_dir|$build_dir|$generator|$libtorch"
if [ "$(cat "$build_dir/configured" 2> /dev/null || true)" != "$choice" ]; then
    rm -rf "$build_dir"
    mkdir -p "$build_dir"
    cmake -S "$source_dir" -B "$build_dir" -G "$generator" -DCMAKE_BUILD_TYPE=Release -DLIBTORCH="$libtorch" > "$build_dir/build.log" 2>&1 || {
        reason="$(grep -A2 '^CMake Error' "$build_dir/build.log" | grep -v -e '^--' -e '^CMake Error' | head -n 2 | xargs || true)"
        fail "cmake could not configure native/: $reason (all of it in $build_dir/build.log)"
    }
    echo "$choice" > "$build_dir/configured"
fi
cmake --build "$build_dir" --parallel > "$build_dir/build.log" 2>&1 || {
    grep -E '(error:|CMake Error|undefined reference)' "$build_dir/build.log" >&2 || tail -n 20 "$build_dir/build.log" >&2
    fail "native/ did not build (all of it in $build_dir/build.log)"
}
