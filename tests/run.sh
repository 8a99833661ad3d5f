#!/usr/bin/env bash
# Checks the whole project: the build (warnings and style are errors), the format, every test project, the models' goldens without our kernels, short real training
# runs, one of them in a clone that is built where no C++ compiler is. The last line says how many checks passed and failed. Arguments go to `dotnet test` (--filter NAME).
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

# train RUN STEPS PROGRAM...: a user's first run in small: renders images, trains, evaluates, saves.
train() {
    local run="$scratch/$1" steps="$2" file
    shift 2
    "$@" train --config shapes --set "train.output_dir=$scratch" "train.run_name=${run##*/}" \
        "data.train[0].path=$scratch/shapes" 'data.train[0].images=64' 'data.train[0].validation=8' 'data.train[0].test=8' \
        train.batch_size=8 "train.max_steps=$steps" "train.eval_every=$((steps / 2))" "train.save_every=$((steps / 2))" train.eval_limit=8 || return
    for file in run.json metrics.jsonl log.txt summary.json last/model.safetensors best/config.json; do
        [ -s "$run/$file" ] || { echo "the run left no $file"; return 1; }
    done
}

short_training_run() {
    local program="$root/src/NanoVlm.Train/bin/Release/net10.0/NanoVlm.Train"
    train run 4 "$program" || return
    "$program" generate --model "$scratch/run/last" --image "$scratch/shapes/images/test/000000.png" --prompt "How many objects are there?" --greedy --max-new-tokens 4
}

# A clone, with what is not committed yet; where there is no git, or no repository, a copy.
clone_sources() {
    local from=(git -C "$root")
    if "${from[@]}" rev-parse --verify -q HEAD && git clone -q "$root" "$scratch/plain"; then
        "${from[@]}" diff --binary HEAD | git -C "$scratch/plain" apply --allow-empty || return
        (cd "$root" && git ls-files -z --others --exclude-standard | tar cf - --null -T -) | tar xf - -C "$scratch/plain"
    else
        mkdir -p "$scratch/plain"
        (cd "$root" && tar cf - --exclude bin --exclude obj --exclude native/build src native configs Directory.*.props Directory.*.targets global.json .editorconfig) |
            tar xf - -C "$scratch/plain"
    fi
}

# With nothing but the SDK on PATH: no compiler, no CMake, no git. What the build says of the kernels is a line, and no error.
train_without_compiler() {
    local tool path="$scratch/plain-bin" project="$scratch/plain/src/NanoVlm.Train"
    mkdir -p "$path"
    for tool in dotnet bash sh cat uname; do ln -sf "$(readlink -f "$(command -v $tool)")" "$path/$tool"; done
    clone_sources > "$scratch/plain.log" 2>&1 && (cd "$scratch/plain" && PATH="$path" dotnet build "$project" -c Release --nologo -v minimal) >> "$scratch/plain.log" 2>&1 ||
        { cat "$scratch/plain.log"; return 1; }
    grep 'no C++ compiler was found' "$scratch/plain.log" || { echo "the build does not say that it found no compiler"; return 1; }
    PATH="$path" train plain-run 20 dotnet run --project "$project" -c Release --no-build --
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
check "a clone builds and trains 20 steps where no C++ compiler is" train_without_compiler
rm -rf "$scratch/run" "$scratch/plain" "$scratch/plain-bin" "$scratch/plain-run" "$scratch/shapes"
finish
