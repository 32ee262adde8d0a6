"""Many machines: the calls of a pool, carried out as Ray tasks on the nodes of a cluster.

`RayPool` stands in for `executors.pool.WorkerPool`: the same chains of the same calls, so a training on
another machine is the same pure function of (checkpoint, dataset, recipe, seed), with one torch thread
on a CPU, and gives the same scores to the last bit where nodes have the same software and processors.

What travels. A task gets an `Order`: the function by name, the job's records, and the names and hashes
of the files it needs (`parcels`): the checkpoint, the examples and the training state. A node takes them
from the driver's own path if it sees files of the same content there (shared storage, the same machine),
else from its own cache, else it says so (`Absent`), and only then do they go through the object store, in
pieces; a node unpacks them once. Examples are read, capped and split by the driver alone
(`training.travelling`): nodes need neither the Hub nor a login.

Where states live. A finished stage comes back with its training state, which the driver writes to the
job's own folder before anybody hears of the stage, exactly where local workers would have put it. So a
selection goes on after its driver was killed, with either executor, whatever the other one began; and any
node can go on with any model. Nodes write to their own caches only, so a node that was cut off and
works on does no harm. The registry is written by the driver, which alone hears results.

What is repeated. A task that loses its worker or node is run again, on whatever node is free
(`pool.MAX_RETRIES` times); not by Ray's own retries, which repeat without end what runs out of memory, and
with what the first node had. A `HubselectError` is a result like any other and never repeated.
"""
