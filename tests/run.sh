#!/usr/bin/env bash
# Checks the whole project: the build (warnings and style are errors), the format, every test project, the models' goldens without our kernels, short real training
# runs, one of them built where no C++ compiler is. The last line says how many checks passed and failed. Arguments go to `dotnet test` (--filter NAME).
# Called by ./nanovlm test.
set -uo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
scratch="$root/.nanovlm/test"
passed=0 failed=0 skipped=0

# Most of the time is .NET's compilers, ours and the just-in-time one. Optimising by profile pays after minutes, which no process here has.
export DOTNET_TieredPGO=0

finish() {
    [ "$skipped" = 0 ] && echo "$passed passed, $failed failed" || echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" = 0 ]
    exit
}

# check NAME COMMAND...: one check; what the command says is shown when it fails.
check() {
    local name="$1" start=$SECONDS
    shift
    if "$@" > "$scratch/check.log" 2>&1; then
        passed=$((passed + 1))
        echo "ok      $name ($((SECONDS - start)) s)"
    else
        failed=$((failed + 1))
        cat "$scratch/check.log"
        echo "FAILED  $name ($((SECONDS - start)) s)"
        return 1
    fi
}

# test_project RESULTS PROJECT ARGUMENT...: runs the tests of one project and says how long they took.
test_project() {
    local results="$1" project="$2" start=$SECONDS status=0
    shift 2
    dotnet test "$root/tests/$project/$project.csproj" --no-build -c Release --nologo --logger "console;verbosity=minimal" \
        --logger "trx;LogFileName=$results.trx" --results-directory "$scratch" "$@" > "$scratch/$results.log" 2>&1 || status=$?
    echo $((SECONDS - start)) > "$scratch/$results.seconds"
    return "$status"
}

# report RESULTS PROCESS: waits for it and adds up its results.
report() {
    local results="$1" status=0 counters total good bad
    wait "$2" || status=$?
    counters="$(grep -o '<Counters [^>]*>' "$scratch/$results.trx" 2> /dev/null || true)"
    count() { [[ "$counters" =~ \ $1=\"([0-9]+)\" ]] && echo "${BASH_REMATCH[1]}" || echo 0; }
    total=$(count total) good=$(count passed) bad=$(count failed)
    # A project that ends badly without a failed test (it crashed, say) is a failure itself.
    if [ "$status" != 0 ] && [ "$bad" = 0 ]; then bad=1; fi
    passed=$((passed + good)) failed=$((failed + bad))
    if [ "$total" -gt $((good + bad)) ]; then skipped=$((skipped + total - good - bad)); fi
    if [ "$bad" = 0 ]; then
        echo "ok      $results: $good passed ($(cat "$scratch/$results.seconds") s)"
    else
        cat "$scratch/$results.log"
        echo "FAILED  $results: $good passed, $bad failed ($(cat "$scratch/$results.seconds") s)"
    fi
}

# train PROGRAM RUN: a user's first run in small: renders images, trains, evaluates, saves.
train() {
    local run="$scratch/$2" file
    "$1" train --config shapes --set "train.output_dir=$scratch" "train.run_name=$2" \
        "data.train[0].path=$scratch/shapes" 'data.train[0].images=64' 'data.train[0].validation=8' 'data.train[0].test=8' \
        train.batch_size=8 train.max_steps=4 train.eval_every=2 train.save_every=2 train.eval_limit=8 || return
    for file in run.json metrics.jsonl log.txt summary.json last/model.safetensors best/config.json; do
        [ -s "$run/$file" ] || { echo "the run left no $file"; return 1; }
    done
}

short_training_run() {
    local program="$root/src/NanoVlm.Train/bin/Release/net10.0/NanoVlm.Train"
    train "$program" run || return
    "$program" generate --model "$scratch/run/last" --image "$scratch/shapes/images/test/000000.png" --prompt "How many objects are there?" --greedy --max-new-tokens 4
}

# A copy of the sources, built with nothing but the SDK on PATH. What it says of the kernels is a line, and no error.
build_without_compiler() {
    mkdir -p "$scratch/plain/bin"
    local tool
    for tool in dotnet bash sh cat uname; do ln -sf "$(readlink -f "$(command -v $tool)")" "$scratch/plain/bin/$tool"; done
    (cd "$root" && tar cf - --exclude bin --exclude obj --exclude native/build src native configs Directory.*.props Directory.*.targets global.json .editorconfig) |
        tar xf - -C "$scratch/plain" || return
    (cd "$scratch/plain" && PATH="$scratch/plain/bin" dotnet build src/NanoVlm.Train -c Release --nologo -v minimal) || return
}

train_without_compiler() {
    build_without_compiler > "$scratch/plain.log" 2>&1 || { cat "$scratch/plain.log"; return 1; }
    grep 'no C++ compiler was found' "$scratch/plain.log" || { echo "the build does not say that it found no compiler"; return 1; }
    train "$scratch/plain/src/NanoVlm.Train/bin/Release/net10.0/NanoVlm.Train" plain-run
}

rm -rf "$scratch"
mkdir -p "$scratch"
cd "$root" || exit

check "build" dotnet build NanoVlm.sln -c Release --nologo -v quiet -consoleLoggerParameters:ErrorsOnly -p:CheckStyle=true || finish
# All at once: many tests wait for processes that they start.
names=() processes=()
begin() { "$@" & names+=("$2") processes+=($!); }
begin test_project NanoVlm.Train.Tests NanoVlm.Train.Tests "$@"
begin test_project NanoVlm.Core.Tests NanoVlm.Core.Tests "$@"
begin test_project NanoVlm.Eval.Tests NanoVlm.Eval.Tests "$@"
for ((i = 0; i < ${#names[@]}; i++)); do report "${names[i]}" "${processes[i]}"; done
if [ $# = 0 ]; then
    export NANOVLM_KERNELS=composite
    test_project goldens-without-kernels NanoVlm.Core.Tests --filter "FullyQualifiedName~NanoVlmGoldenTests|FullyQualifiedName~HuggingFaceGoldenTests|FullyQualifiedName~PackingTests" &
    report goldens-without-kernels $!
    unset NANOVLM_KERNELS
fi
check "format" dotnet format whitespace . --folder --verify-no-changes
check "a short training run, and a question to its checkpoint" short_training_run
check "a build and a training run where no C++ compiler is" train_without_compiler
rm -rf "$scratch/run" "$scratch/plain" "$scratch/plain-run" "$scratch/shapes"
finish
