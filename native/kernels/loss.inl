// The loss and the gradient of one row of logits.

// Returns the loss. logits become their exponentials; gradient, which may be logits, gets softmax minus one-hot.
template <class T>
static double cross_entropy(int64_t n, float* logits, int64_t target, void* gradient) {
    F best = splat(-__builtin_inff());
    int64_t i = 0;
    for (; i + W <= n; i += W) best = larger(load(logits + i), best);
    float top = largest(best);
    for (; i < n; i++) top = logits[i] > top ? logits[i] : top;
    const float at_target = logits[target];
    double total = 0;
    constexpr int64_t kBlock = 64 * W;  // float sums of a block, double sums of blocks: vocabularies are long
    for (int64_t begin = 0; begin < n; begin += kBlock) {
        const int64_t count = at_most(n - begin, kBlock);
        float* p = logits + begin;
        F part = F{};
        int64_t j = 0;
        for (; j + W <= count; j += W) {
            const F e = exponential(load(p + j) - top);
            part += e;
            store(p + j, e);
        }
        double rest = 0;
        if (j < count) {
            store(p + j, exponential(load(p + j, count - j) - top), count - j);
            for (; j < count; j++) rest += p[j];
        }
        total += sum(part) + rest;
    }
    if (gradient) {
        T* to = (T*)gradient;
        const float inverse = (float)(1.0 / total), at_one = logits[target] * inverse - 1.0f;
        for_lanes(n, [&](int64_t j, auto lanes) { lanes.store(to + j, lanes.load(logits + j) * inverse); });
        set(to + target, at_one);
    }
    return __builtin_log(total) + ((double)top - at_target);
}
