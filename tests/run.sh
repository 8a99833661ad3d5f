#!/usr/bin/env bash
# Checks the whole project: the build (warnings are errors), the format, every test project, a short real training run.
# The last line says how many checks passed and failed. Arguments go to `dotnet test` (--filter NAME). Called by ./nanovlm test.
set -uo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
scratch="$root/.nanovlm/test"
passed=0 failed=0 skipped=0

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

# test_project NAME: runs the tests of one project and says how long they took.
test_project() {
    local name="$1" start=$SECONDS status=0
    shift
    dotnet test "$root/tests/$name/$name.csproj" --no-build -c Release --nologo --logger "console;verbosity=minimal" \
        --logger "trx;LogFileName=$name.trx" --results-directory "$scratch" "$@" > "$scratch/$name.log" 2>&1 || status=$?
    echo $((SECONDS - start)) > "$scratch/$name.seconds"
    return "$status"
}

# report_project NAME PROCESS: waits for it and adds up its results.
report_project() {
    local name="$1" status=0 counters total good bad
    wait "$2" || status=$?
    counters="$(grep -o '<Counters [^>]*>' "$scratch/$name.trx" 2> /dev/null || true)"
    count() { [[ "$counters" =~ \ $1=\"([0-9]+)\" ]] && echo "${BASH_REMATCH[1]}" || echo 0; }
    total=$(count total) good=$(count passed) bad=$(count failed)
    # A project that ends badly without a failed test (it crashed, say) is a failure itself.
    if [ "$status" != 0 ] && [ "$bad" = 0 ]; then bad=1; fi
    passed=$((passed + good)) failed=$((failed + bad))
    if [ "$total" -gt $((good + bad)) ]; then skipped=$((skipped + total - good - bad)); fi
    if [ "$bad" = 0 ]; then
        echo "ok      $name: $good passed ($(cat "$scratch/$name.seconds") s)"
    else
        cat "$scratch/$name.log"
        echo "FAILED  $name: $good passed, $bad failed ($(cat "$scratch/$name.seconds") s)"
    fi
}

# A user's first run in small: renders images, trains, evaluates, saves, and answers a question from the checkpoint.
short_training_run() {
    local program="$root/src/NanoVlm.Train/bin/Release/net10.0/NanoVlm.Train" shapes="$scratch/shapes" run="$scratch/run" file
    "$program" train --config configs/shapes.json --set "train.output_dir=$scratch" --set train.run_name=run \
        --set "data.train[0].path=$shapes" --set "data.train[0].images=64" --set "data.train[0].validation=8" --set "data.train[0].test=8" \
        --set train.batch_size=8 --set train.max_steps=4 --set train.eval_every=2 --set train.save_every=2 --set train.eval_limit=8 || return
    for file in run.json metrics.jsonl log.txt summary.json last/model.safetensors best/config.json; do
        [ -s "$run/$file" ] || { echo "the run left no $file"; return 1; }
    done
    "$program" generate --model "$run/last" --image "$shapes/images/test/000000.png" --prompt "How many objects are there?" --greedy --max-new-tokens 4
}

rm -rf "$scratch"
mkdir -p "$scratch"
cd "$root" || exit

check "build" dotnet build NanoVlm.sln -c Release --nologo -v quiet -consoleLoggerParameters:ErrorsOnly || finish
# All at once: many tests wait for processes that they start.
dotnet format NanoVlm.sln --verify-no-changes --no-restore > "$scratch/format.log" 2>&1 &
format=$!
format_is_clean() { wait "$format" || { cat "$scratch/format.log"; return 1; }; }
declare -A running
for project in tests/*.Tests; do
    test_project "$(basename "$project")" "$@" &
    running["$(basename "$project")"]=$!
done
for project in tests/*.Tests; do report_project "$(basename "$project")" "${running["$(basename "$project")"]}"; done
check "format" format_is_clean
check "a short training run, and a question to its checkpoint" short_training_run
rm -rf "$scratch/run" "$scratch/shapes"
finish
