#include "broker/log/worker_pool.h"

#include <stdlib.h>

#include "client/base/sync.h"

struct worker_pool {
    struct executor executor; /* first */
    struct mutex lock;
    pthread_cond_t posted;  /* a task was posted, or `stopping` set */
    pthread_cond_t idle;    /* nothing queued, nothing running */
    struct task_list tasks; /* lock */
    int running;            /* lock; tasks being run */
    bool stopping;          /* lock */
    int thread_count;
    pthread_t threads[];
};

static void *worker(void *argument) {
    struct worker_pool *pool = argument;

    mutex_lock(&pool->lock);
    for (;;) {
        struct task *task = STAILQ_FIRST(&pool->tasks);
        if (task == NULL) {
            if (pool->stopping)
                break;
            pthread_cond_wait(&pool->posted, &pool->lock.raw);
            continue;
        }
        STAILQ_REMOVE_HEAD(&pool->tasks, next);
        pool->running++;
        mutex_unlock(&pool->lock);
        task->run(task);
        mutex_lock(&pool->lock);
        if (--pool->running == 0 && STAILQ_EMPTY(&pool->tasks))
            pthread_cond_broadcast(&pool->idle);
    }
    mutex_unlock(&pool->lock);
    return NULL;
}

static void pool_post(struct executor *executor, struct task *task) {
    worker_pool_post((struct worker_pool *)executor, task);
}

enum error worker_pool_new(int thread_count, const char *name, struct worker_pool **created) {
    struct worker_pool *pool;
    char thread_name[16];

    CHECK(thread_count > 0);
    pool = calloc(1, sizeof(*pool) + (size_t)thread_count * sizeof(pool->threads[0]));
    if (pool == NULL)
        return ERR_OUT_OF_MEMORY;
    pool->executor.post = pool_post;
    mutex_init(&pool->lock);
    CHECK(pthread_cond_init(&pool->posted, NULL) == 0);
    CHECK(pthread_cond_init(&pool->idle, NULL) == 0);
    STAILQ_INIT(&pool->tasks);
    for (; pool->thread_count < thread_count; pool->thread_count++) {
        pthread_t *thread = &pool->threads[pool->thread_count];
        if (pthread_create(thread, NULL, worker, pool) != 0)
            break;
        snprintf(thread_name, sizeof(thread_name), "%.11s-%u", name,
                 (unsigned)pool->thread_count % 1000u);
        (void)pthread_setname_np(*thread, thread_name); /* only for people who look */
    }
    if (pool->thread_count == 0) {
        worker_pool_free(pool);
        return ERR_OUT_OF_MEMORY;
    }
    *created = pool;
    return ERR_NONE;
}

void worker_pool_free(struct worker_pool *pool) {
    if (pool == NULL)
        return;
    mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->posted);
    mutex_unlock(&pool->lock);
    for (int i = 0; i < pool->thread_count; i++)
        CHECK(pthread_join(pool->threads[i], NULL) == 0);
    CHECK(STAILQ_EMPTY(&pool->tasks));
    pthread_cond_destroy(&pool->posted);
    pthread_cond_destroy(&pool->idle);
    mutex_done(&pool->lock);
    free(pool);
}

void worker_pool_post(struct worker_pool *pool, struct task *task) {
    mutex_lock(&pool->lock);
    STAILQ_INSERT_TAIL(&pool->tasks, task, next);
    pthread_cond_signal(&pool->posted);
    mutex_unlock(&pool->lock);
}

void worker_pool_drain(struct worker_pool *pool) {
    mutex_lock(&pool->lock);
    while (pool->running > 0 || !STAILQ_EMPTY(&pool->tasks))
        pthread_cond_wait(&pool->idle, &pool->lock.raw);
    mutex_unlock(&pool->lock);
}

struct executor *worker_pool_executor(struct worker_pool *pool) {
    return &pool->executor;
}
