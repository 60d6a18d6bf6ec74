/*
 * How an ISR may change: by a leader that knew the state before, and without those who may have
 * lost the end of their logs meanwhile.
 *
 * INVARIANT: AlterPartition is a compare-and-set. What is written over version V in the same leader
 * epoch is what a leader of that epoch proposed knowing V. A leader's high watermark counts on
 * whoever may be in the ISR by what it knows, so a change it did not propose could let somebody in
 * who lacks what it commits.
 * INVARIANT: no state is written in ignorance of a registration, and who registered anew since the
 * state before is out, if somebody who did not is in; so is who may have lost records since, there
 * or not.
 */
#include <stdlib.h>

#include "tests/simulation/checker_internal.h"
#include "zk-schema/paths.h"

void checker_on_broker(struct checker *checker, const struct model_change *change) {
    int64_t id = strtoll(strrchr(change->path, '/') + 1, NULL, 10);
    struct seen_broker *broker;

    if (id < 1 || id > BROKERS_MAX)
        return;
    broker = &checker->brokers[id];
    if (strncmp(change->path, PATH_UNCLEAN_RESTARTS, strlen(PATH_UNCLEAN_RESTARTS)) == 0) {
        broker->unclean_zxid = change->kind == ZK_OP_DELETE ? 0 : change->stat.mzxid;
        return;
    }
    broker->session_id = change->kind == ZK_OP_DELETE ? 0 : change->stat.ephemeral_owner;
    broker->epoch = change->stat.czxid;
    simulator_tell(checker->simulator, "broker %d %s", (int)id,
                   change->kind == ZK_OP_DELETE ? "is not registered any more" : "is registered");
}

int64_t checker_registration(const struct checker *checker, int32_t broker_id, int64_t *epoch) {
    const struct seen_broker *broker = &checker->brokers[broker_id];

    if (epoch != NULL)
        *epoch = broker->epoch;
    return broker->session_id;
}

int64_t checker_unclean_zxid(const struct checker *checker, int32_t broker_id) {
    return checker->brokers[broker_id].unclean_zxid;
}

int32_t checker_stale_member(const struct checker *checker, const struct seen_state *now,
                             const struct seen_state *before) {
    int32_t stale = -1;
    bool others = false;

    for (size_t i = 0; i < now->isr_count; i++) {
        const struct seen_broker *broker = &checker->brokers[now->isr[i]];
        if (broker->session_id == 0)
            continue;
        if (broker->epoch < before->zxid)
            others = true;
        else if (checker_in_isr(before, now->isr[i]))
            stale = now->isr[i];
    }
    return others ? stale : -1;
}

/* Who may have lost records that the state before counted on, and is carried over beside others who
 * have not: the state after it would no longer tell. -1 if nobody. */
static int32_t unclean_member(const struct checker *checker, const struct seen_state *now,
                              const struct seen_state *before) {
    int32_t unclean = -1;
    bool others = false;

    for (size_t i = 0; i < now->isr_count; i++)
        if (checker->brokers[now->isr[i]].unclean_zxid <= before->zxid)
            others = true;
        else if (checker_in_isr(before, now->isr[i]))
            unclean = now->isr[i];
    return others ? unclean : -1;
}

static bool was_proposed(const struct seen_partition *p, const struct seen_state *now) {
    for (size_t i = 0; i < p->proposal_count; i++) {
        const struct seen_proposal *proposal = &p->proposals[i];
        if (proposal->partition_epoch == p->truth.version &&
            proposal->leader_epoch == now->leader_epoch && proposal->isr_count == now->isr_count &&
            memcmp(proposal->isr, now->isr, now->isr_count * sizeof(*now->isr)) == 0)
            return true;
    }
    return false;
}

/* What was proposed by an older version can never be written any more. */
static void forget_proposals(struct seen_partition *p, int32_t version) {
    size_t kept = 0;

    for (size_t i = 0; i < p->proposal_count; i++)
        if (p->proposals[i].partition_epoch >= version)
            p->proposals[kept++] = p->proposals[i];
    p->proposal_count = kept;
}

void checker_check_isr_step(struct checker *checker, const char *path, struct seen_partition *p,
                            const struct seen_state *now) {
    int32_t stale = checker_stale_member(checker, now, &p->truth);
    int32_t unclean = unclean_member(checker, now, &p->truth);

    if (unclean >= 0)
        checker_broken(checker,
                       "%s: broker %d may have lost records since the state before and stays", path,
                       unclean);
    if (stale >= 0)
        checker_broken(checker, "%s: broker %d registered anew since the state before and stays",
                       path, stale);
    if (now->leader_epoch == p->truth.leader_epoch && !was_proposed(p, now))
        checker_broken(checker, "%s: nobody proposed this isr knowing version %d", path,
                       p->truth.version);
    forget_proposals(p, now->version);
}

/* ---- Proposals ---- */

static void remember(struct seen_partition *p, const struct checked_proposal *proposal) {
    struct seen_proposal *seen;

    if (proposal->partition_epoch < p->truth.version)
        return;
    if (p->proposal_count == p->proposal_capacity) {
        p->proposal_capacity = p->proposal_capacity * 2 + 4;
        p->proposals = realloc(p->proposals, p->proposal_capacity * sizeof(*p->proposals));
        CHECK(p->proposals != NULL);
    }
    CHECK(proposal->isr_count <= ISR_MAX);
    seen = &p->proposals[p->proposal_count++];
    *seen = (struct seen_proposal){.leader_epoch = proposal->leader_epoch,
                                   .partition_epoch = proposal->partition_epoch,
                                   .isr_count = proposal->isr_count};
    memcpy(seen->isr, proposal->isr, proposal->isr_count * sizeof(*proposal->isr));
}

void checker_send_proposal(struct checker *checker, struct controller_shell *shell,
                           struct checked_proposal *proposal,
                           controller_alter_partition_done *done) {
    struct seen_partition *p = checker_seen(checker, &proposal->topic_id, proposal->partition);
    struct controller_alter_partition wanted = {
        .topic_id = proposal->topic_id,
        .partition = proposal->partition,
        .leader_epoch = proposal->leader_epoch,
        .partition_epoch = proposal->partition_epoch,
        .new_isr = proposal->isr,
        .new_isr_broker_epochs = proposal->epochs,
        .new_isr_count = proposal->isr_count,
    };
    struct controller_alter_partition_request request = {proposal->leader, proposal->broker_epoch,
                                                         &wanted, 1};

    remember(p, proposal);
    proposal->is_fenced = p->truth.exists && proposal->leader_epoch < p->truth.leader_epoch;
    proposal->controller_epoch = controller_shell_epoch(shell);
    controller_shell_alter_partition(shell, &request, done, proposal);
}

/* The controller in office has every state that was written when it answers about it. */
void checker_on_proposal_answered(struct checker *checker, const struct checked_proposal *proposal,
                                  const struct controller_alter_partition_response *response) {
    const struct seen_partition *p =
        checker_seen(checker, &proposal->topic_id, proposal->partition);
    const struct controller_alter_partition_result *result = response->results;

    if (response->error != ERR_NONE || response->result_count == 0 || result->error != ERR_NONE ||
        proposal->controller_epoch != checker->controller_epoch)
        return;
    if (proposal->is_fenced)
        checker_broken(checker, "partition %d: a leader of epoch %d is heard in epoch %d",
                       proposal->partition, proposal->leader_epoch, p->truth.leader_epoch);
    if (result->partition_epoch == p->truth.version &&
        (result->leader_epoch != p->truth.leader_epoch || result->isr_count != p->truth.isr_count ||
         memcmp(result->isr, p->truth.isr, result->isr_count * sizeof(*result->isr)) != 0))
        checker_broken(checker,
                       "partition %d: a leader is told another version %d than was written",
                       proposal->partition, result->partition_epoch);
}
