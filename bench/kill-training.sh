#!/usr/bin/env bash
# Kills a run with SIGKILL at random moments, in saves too, resumes it, and checks each time that its checkpoints are whole, that the best is
# there, and that no more than the steps since the last save are lost. In the end the weights must be those of a run that nobody killed.
#   bench/kill-training.sh [KILLS] [SEED]
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
program="$root/src/NanoVlm.Train/bin/Release/net10.0/NanoVlm.Train"
kills="${1:-30}" RANDOM="${2:-1}" save_every=5 eval_every=20 steps=1200
[ -x "$program" ] || { echo "build first: dotnet build NanoVlm.sln -c Release" >&2; exit 1; }
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

train() { # in a subshell, which becomes the program
    exec "$program" train --config "$root/configs/shapes.json" --set train.output_dir=. "train.run_name=$1" train.threads=1 train.precision=fp32 train.batch_size=2 \
        "train.max_steps=$steps" "train.save_every=$save_every" "train.eval_every=$eval_every" train.eval_limit=4 train.log_every=1 train.keep_last=2 \
        'data.train[0].path=data' 'data.train[0].images=64' 'data.train[0].validation=4' 'data.train[0].test=4' eval.limit=4 "${@:2}"
}
last_step() { grep -o '^{"step":[0-9]*,"loss"' run/metrics.jsonl 2> /dev/null | tail -n 1 | grep -o '[0-9]*' || echo 0; }
checkpoint_step() { { find run -maxdepth 1 -name 'step_??????' | sort | tail -n 1 | grep -o '[0-9]*$' || echo 0; } | sed 's/^0*\(.\)/\1/'; }

worst=0 in_save=0
for ((kill = 1; kill <= kills; kill++)); do
    (train run --resume) > out.log 2>&1 &
    pid=$!
    # From the first new step on, any moment within some saves.
    before="$(last_step)"
    for ((i = 0; i < 600; i++)); do
        if [ "$(last_step)" -gt "$before" ] && grep -q 'step ' out.log; then break; fi
        kill -0 $pid 2> /dev/null || break
        sleep 0.05
    done
    sleep "$(printf '0.%03d' $((RANDOM % 900)))"
    kill -KILL $pid 2> /dev/null || { wait $pid || { cat out.log; echo "run ended badly before kill $kill" >&2; exit 1; }; echo "the run was done after $((kill - 1)) kills"; break; }
    wait $pid 2> /dev/null || true
    compgen -G 'run/*.partial' > /dev/null && in_save=$((in_save + 1))
    reached="$(last_step)" saved="$(checkpoint_step)"
    lost=$((reached - saved))
    [ "$lost" -gt "$worst" ] && worst=$lost
    # A save is written while training goes on, and training waits for it at the next one: at that step, which is already logged, two are outstanding.
    [ "$lost" -le $((2 * save_every)) ] || { echo "kill $kill: $lost steps lost" >&2; exit 1; }
    for step in run/step_??????; do
        [ -d "$step" ] && { (cd "$step" && sha256sum -c --quiet SHA256SUMS) || { echo "kill $kill: $step is not whole" >&2; exit 1; }; }
    done
    if [ "$saved" -ge "$eval_every" ]; then [ -s run/best/model.safetensors ] || { echo "kill $kill: the best checkpoint is lost" >&2; exit 1; }; fi
done
(train run --resume) > out.log 2>&1 || { cat out.log; exit 1; }
(train whole) > whole.log 2>&1 || { cat whole.log; exit 1; }
cmp run/last/model.safetensors whole/last/model.safetensors
cmp run/last/optimizer.safetensors whole/last/optimizer.safetensors
cmp run/best/model.safetensors whole/best/model.safetensors
echo "$((kill - 1)) kills, $in_save of them while a checkpoint was written; at most $worst steps lost (a save every $save_every); weights, moments and best equal to the whole run's, bit for bit"
