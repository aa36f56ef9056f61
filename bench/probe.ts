import { areaUnderCurve, logitLimits, pairedAucDifference, aucDifference } from "../src/stats/auc.js";
import { intervalOf } from "../src/stats/estimate.js";
import { newcombeAucLimits } from "../src/stats/newcombe-auc.js";
import { rateAt } from "../src/stats/decisions.js";
import { randomFrom } from "../src/core/random.js";
import { drawStudy, covers, areasOf, thresholdFor, sensitivityOf, mixture } from "./support/simulation.js";
const bins=[2,5,10,15,20,30,40,60,80,120,200,1e9];
const T=()=>bins.map(()=>[0,0,0,0,0,0,0,0,0]);
const out:{[k:string]:number[][]}={};
const areasSets:[string,number[]][]=[["0.85",[.88,.8]],["0.95",[.96,.935]],["0.7",[.7,.7]]];
const add=(t:number[][],e:number,oks:(boolean|null)[])=>{const b=bins.findIndex((x,i)=>e>=x&&e<(bins[i+1]??Infinity));const r=t[b];if(!r)return;r[0]!++;oks.forEach((o,i)=>{if(o)r[i+1]!++});};
for(const [nm,areas] of areasSets) for(const cl of [false,true]){ const t=T(), d=T(), p=T(), s=T();
 for(const n of [30,60,100,200,300,600,1000,2000]) for(const pr of [.02,.05,.1,.3,.5]) for(let r=0;r<(n>500?300:600);r++){
  const st=drawStudy({samples:n,prevalence:pr,clustered:cl,areas,shares:[.6,.4],drop:.1},randomFrom("pr",nm,String(cl),n,pr,r));
  const tr=.6*areas[0]!+.4*areas[1]!;
  const a=areaUnderCurve(st.first), b=areaUnderCurve(st.second);
  if(a.status==="estimated"){const e=Math.min(a.effectivePositives,a.effectiveNegatives);
   const nb=newcombeAucLimits(a.value,Math.max(1,a.effectivePositives),Math.max(1,a.effectiveNegatives),1.959964);
   add(t,e,[covers(intervalOf(a,.95),tr),covers(logitLimits(a,1.959964)??a.limits(1.959964),tr),covers(nb,tr),a.symmetric]);
   if(b.status==="estimated") add(p,Math.min(e,b.effectivePositives,b.effectiveNegatives),[covers(intervalOf(pairedAucDifference(a,b,cl),.95),.1)]);
  }
  const g=areasOf(st.groups); if(g){const e=Math.min(...g.map(x=>Math.min(x.effectivePositives,x.effectiveNegatives))); add(d,e,[covers(intervalOf(aucDifference(g[0]!,g[1]!,cl),.95),areas[0]!-areas[1]!)]);}
  const th=thresholdFor(.9,.88); const q=rateAt(st.first,th,"sensitivity"); if(q.status==="estimated"){add(s,q.effectiveN,[covers(intervalOf(q,.95),mixture([.6,.4],areas.map(x=>sensitivityOf(x,th))))])}
 }
 const pc=(r:number[],i:number)=>r[0]!>50?(100*r[i]!/r[0]!).toFixed(1):'-';
 console.log(nm,cl?'clustered':'once'); t.forEach((r,i)=>{if(i<bins.length-1)console.log(`  eff>=${bins[i]} N=${r[0]} delong ${pc(r,1)} logit ${pc(r,2)} newcombe ${pc(r,3)} sym ${pc(r,4)} | diff ${pc(d[i]!,1)} N=${d[i]![0]} | drop ${pc(p[i]!,1)} N=${p[i]![0]} | sens ${pc(s[i]!,1)} N=${s[i]![0]}`)});
}
