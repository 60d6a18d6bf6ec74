#include "broker/replica/truncation_plan.h"

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

struct truncation truncation_plan(const struct truncation_input *input) {
    int64_t log_end = input->log_end_offset;

    if (input->leader_end_offset < 0)
        return (struct truncation){input->high_watermark, true};
    if (input->leader_epoch < 0 || input->own_epoch < 0)
        return (struct truncation){smaller(input->leader_end_offset, log_end), true};
    /* We lack the leader's epoch: what we wrote after our last common one is not on the leader.
     * Cut there, and compare the epoch before. */
    if (input->own_epoch != input->leader_epoch)
        return (struct truncation){smaller(input->own_end_offset, log_end), false};
    return (struct truncation){
        smaller(smaller(input->own_end_offset, input->leader_end_offset), log_end), true};
}
